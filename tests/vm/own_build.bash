# shellcheck shell=bash disable=SC2154 # tests/vm/lab sets the variables
# SPDX-License-Identifier: Apache-2.0
#
# Programs built on the host run in the guest when the guest's C library is not older than they
# need. When it is (a Debian 13 host, a Debian 12 guest), the tree is built once more in a chroot of
# the guest's suite, build/lab/NAME.builder, and the guest sees that build in place of the host's.
# LAB_OWN_BUILD=1 does so whatever the versions, LAB_OWN_BUILD=0 never (a job that runs none of the programs).

builder_dir() { echo "$labs_dir/$lab.builder"; }

# The newest version of the C library that the programs in build/bin ask for; nothing without
# programs or readelf.
needed_glibc() {
  { readelf --version-info "$tree"/build/bin/* 2>/dev/null || true; } |
    { grep -o 'GLIBC_[0-9][0-9.]*' || true; } | sort -Vu | tail -n 1 | cut -d_ -f2
}

own_build_needed() {
  local needed guest
  case ${LAB_OWN_BUILD:-} in
    0) return 1 ;;
    ?*) return 0 ;;
  esac
  needed=$(needed_glibc)
  guest=$(sed 's/.*glibc //' "$lab_dir/facts")
  [ -n "$needed" ] && [ "$(printf '%s\n' "$needed" "$guest" | sort -V | tail -n 1)" != "$guest" ]
}

# Relative to the tree; empty when the host's programs are used.
own_build_dir() {
  local dir
  ! own_build_needed || { dir=$(builder_dir) && echo "${dir#"$tree/"}/netvitals/build"; }
}

# The packages of a group of tests/packages, the first of alternatives.
group_packages() {
  awk -v group="$1" '$2 == group { sub(/\|.*/, "", $1); print $1 }' "$tree/tests/packages"
}

make_builder() {
  local dir packages
  dir=$(builder_dir)
  packages=$(group_packages build | paste -sd,)
  [ "$(cat "$dir/inputs" 2>/dev/null)" != "$suite $packages" ] || return 0
  check_prepare_needs
  rm -rf --one-file-system "$dir" "$dir.new"
  bootstrap "$dir.new" "$packages"
  mkdir -p "$dir.new/netvitals"
  echo "$suite $packages" >"$dir.new/inputs"
  mv "$dir.new" "$dir"
}

# Builds the tree as it is now; what did not change is not compiled again.
own_build() {
  local dir
  dir=$(builder_dir)
  lock "$lab.builder"
  say "$lab: building the programs with the guest's compiler and C library"
  make_builder
  find "$dir/netvitals" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +
  tar -C "$tree" -c --exclude=./build --exclude=./.git . | tar -C "$dir/netvitals" -x
  # bash wants /dev/fd, which wants /proc; the mount ends with the build.
  ln -sfn /proc/self/fd "$dir/dev/fd"
  # shellcheck disable=SC2016 # sh expands it
  unshare --mount sh -c 'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"' "$dir" \
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 make -s -C /netvitals -j2 programs >&2 ||
    fail 1 "$lab: the build in $dir failed"
  exec 9>&-
}
