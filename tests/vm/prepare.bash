# shellcheck shell=bash disable=SC2154 # tests/vm/lab sets the variables
# SPDX-License-Identifier: Apache-2.0
#
# lab prepare: makes build/lab/NAME, which holds
#   rootfs.ext4   Debian's userland with the packages of tests/vm/packages, and the kernel's modules
#   vmlinux       the kernel, uncompressed
#   initramfs     busybox, the modules needed to mount the rest, tests/vm/initramfs-init
#   inputs        a hash of what all that was made from
#   facts         versions of kernel and bpftrace found in it
# Everything is made in build/lab/NAME.new and renamed when complete, under a lock: a killed prepare
# leaves nothing half used.

# Modules for the initramfs: what is needed until the userland's own modprobe can load the rest.
initramfs_modules="virtio_pci virtio_blk ext4 overlay 9p 9pnet_virtio"

# Parts of the kernel package that no test needs: left out because unpacking and imaging them takes
# time.
unneeded_modules=(sound drivers/ata drivers/comedi drivers/crypto drivers/gpu drivers/hid
  drivers/hwmon drivers/i2c drivers/iio drivers/infiniband drivers/input drivers/isdn drivers/leds
  drivers/md drivers/media drivers/mmc drivers/mtd drivers/net/can drivers/net/ethernet
  drivers/net/usb drivers/net/wireless drivers/net/wwan drivers/platform drivers/power drivers/scsi
  drivers/staging drivers/target drivers/thunderbolt drivers/usb drivers/video)

# The words of the first column of a file with comments.
first_words() { sed 's/#.*//' "$1" | awk 'NF { print $1 }'; }

inputs_hash() {
  {
    printf '%s\n' "$suite" "$kernel_package"
    first_words "$here/packages"
    grep -hv '^ *#' "$here/prepare.bash" "$here/initramfs-init"
  } | sha256sum | cut -d' ' -f1
}

is_prepared() { [ "$(cat "$lab_dir/inputs" 2>/dev/null)" = "$(inputs_hash)" ]; }

check_prepare_needs() {
  [ "$(dpkg --print-architecture 2>/dev/null)" = amd64 ] ||
    fail 4 "the lab is made for Debian on amd64 hosts"
  [ "$(id -u)" = 0 ] ||
    fail 4 "making a userland needs root (chroot, ownership); cure: sudo tests/vm/lab $verb $lab"
  need mmdebstrap mmdebstrap
  need mke2fs e2fsprogs
  need busybox busybox-static
  need cpio cpio
  need depmod kmod
  need xz xz-utils
  need zstd zstd
  [ -e /usr/share/keyrings/debian-archive-keyring.gpg ] ||
    fail 4 "Debian's keys are missing; cure: apt-get install debian-archive-keyring"
}

# The Debian mirror that this machine's apt is set up with.
mirror() {
  local uri=${NETVITALS_MIRROR:-}
  if [ -z "$uri" ]; then
    # awk reads to the end: apt-get would complain about a closed pipe.
    # shellcheck disable=SC2016 # apt-get expands it
    uri=$(apt-get indextargets --format '$(REPO_URI)' 2>/dev/null |
      awk '/\/debian\/?$/ && !found { print; found = 1 }')
  fi
  echo "${uri:-http://deb.debian.org/debian/}"
}

# This machine's settings for fetching (proxies and the like), as an apt configuration for
# mmdebstrap. Never empty: mmdebstrap 1.5 complains of a file that does not end with a new line.
write_apt_settings() {
  {
    echo '// of this machine'
    apt-config dump --no-empty --format '%F "%v";%n' Acquire |
      grep -Ei '^Acquire::(https?|Check-|Retries|ForceIPv|Queue)' || true
  } >"$1"
}

# Fetches the kernel's packages with mmdebstrap's own signed configuration of the suite (a hook: $1
# is the new root). Newer suites split the image into linux-image, linux-binary and linux-modules.
fetch_kernel_hook() {
  cat <<'HOOK'
set -eu
export APT_CONFIG=$MMDEBSTRAP_APT_CONFIG
cd "$LAB_NEW/kernel"
packages=$(apt-cache depends --recurse --no-suggests --no-recommends --no-conflicts \
  --no-breaks --no-replaces --no-enhances "$LAB_KERNEL_PACKAGE" |
  grep -E '^linux-(image|binary|modules)-[0-9]' | sort -u)
for package in $packages; do
  if [ -n "${NETVITALS_CACHE:-}" ]; then
    file=$(apt-get download --print-uris "$package" | awk '{ print $2 }')
    cp "$NETVITALS_CACHE/archives/$file" . 2>/dev/null || true
  fi
  apt-get -qq download -oAPT::Sandbox::User=root "$package"
  [ -z "${NETVITALS_CACHE:-}" ] || cp "$file" "$NETVITALS_CACHE/archives/"
done
HOOK
}

# What nobody reads in a lab, below /usr/share. dpkg leaves it out; it is not told so by --dpkgopt,
# for which mmdebstrap starts a filter in Python for each essential package: theirs is removed
# afterwards. (Hooks: $1 is the new root.)
unread=(man doc locale info)

leave_out_hook() {
  # shellcheck disable=SC2016 # the hook's shell expands it
  echo 'mkdir -p "$1/etc/dpkg/dpkg.cfg.d" && cat >"$1/etc/dpkg/dpkg.cfg.d/lab" <<END'
  printf 'path-exclude=/usr/share/%s/*\n' "${unread[@]}"
  echo END
}

remove_hook() { echo "cd \"\$1/usr/share\" && rm -rf ${unread[*]}"; }

# bootstrap ROOT PACKAGES [OPTION…]: a Debian userland of the lab's suite with these packages, in
# the folder ROOT.
bootstrap() {
  local root=$1 packages=$2 settings=$1.apt options=() uri
  shift 2
  write_apt_settings "$settings"
  if [ -n "${NETVITALS_CACHE:-}" ]; then
    mkdir -p "$NETVITALS_CACHE/archives"
    options+=(--skip=essential/unlink --skip=cleanup/apt
      --setup-hook="mkdir -p \"\$1/var/cache/apt/archives\""
      --setup-hook="sync-in '$NETVITALS_CACHE/archives' /var/cache/apt/archives"
      --customize-hook="sync-out /var/cache/apt/archives '$NETVITALS_CACHE/archives'")
  fi
  uri=$(mirror)
  say "$lab: fetching and unpacking Debian $suite from $uri (about a minute)"
  # In its own mount namespace: when killed, what it mounted in the root goes away with it.
  unshare --mount mmdebstrap --mode=root --variant=essential --quiet \
    --keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
    --aptopt="$settings" --aptopt='APT::Install-Recommends "false"' \
    --aptopt='Acquire::Languages "none"' --dpkgopt=force-unsafe-io \
    --setup-hook="$(leave_out_hook)" --customize-hook="$(remove_hook)" \
    --include="$packages" "${options[@]}" "$@" "$suite" "$root" "$uri" >&2
  rm "$settings"
}

make_userland() {
  local new=$1
  fetch_kernel_hook >"$new/fetch-kernel"
  LAB_NEW=$new LAB_KERNEL_PACKAGE=$kernel_package bootstrap "$new/root" \
    "$(first_words "$here/packages" | paste -sd,)" --customize-hook="sh '$new/fetch-kernel'"
}

# Four bytes of FILE at OFFSET, little endian.
le32() { od -An -tu4 --endian=little -j "$2" -N 4 "$1" | tr -d ' '; }

# Takes the ELF kernel out of a bzImage: qemu can start it as it is (PVH), and unpacking is slow
# when it is emulated. The offsets are those of the setup header (Documentation/arch/x86/boot.rst);
# the payload ends with 4 bytes of its size.
extract_vmlinux() {
  local image=$1 vmlinux=$2 offset length decompress
  offset=$((($(od -An -tu1 -j 497 -N 1 "$image") + 1) * 512 + $(le32 "$image" 584)))
  length=$(le32 "$image" 588)
  case $(od -An -tx4 --endian=big -j "$offset" -N 4 "$image") in
    *fd377a58) decompress="xz -dc" ;;
    *28b52ffd) decompress="zstd -dcq" ;;
    *) fail 1 "$image: neither xz nor zstd inside" ;;
  esac
  dd if="$image" bs=64K iflag=skip_bytes,count_bytes skip="$offset" \
    count=$((length - 4)) status=none |
    $decompress >"$vmlinux"
}

# Unpacks (does not install) the kernel: modules into the userland, vmlinux beside it. Sets
# kernel_release.
unpack_kernel() {
  local new=$1 deb excludes=() part
  for part in "${unneeded_modules[@]}"; do excludes+=("--exclude=*/kernel/$part"); done
  mkdir "$new/unpacked"
  for deb in "$new"/kernel/*.deb; do
    say "$lab: unpacking $(basename "$deb")"
    dpkg-deb --fsys-tarfile "$deb" |
      tar -x -C "$new/unpacked" --exclude='./usr/share' "${excludes[@]}"
  done
  local modules
  modules=$(find "$new/unpacked" -path '*/lib/modules/*' -prune -print)
  kernel_release=$(basename "$modules")
  if [ -e "$modules/vmlinuz" ]; then
    mv "$modules/vmlinuz" "$new/vmlinuz"
  else
    mv "$new/unpacked/boot/vmlinuz-$kernel_release" "$new/vmlinuz"
  fi
  extract_vmlinux "$new/vmlinuz" "$new/vmlinux"
  mkdir -p "$new/root/usr/lib/modules"
  mv "$modules" "$new/root/usr/lib/modules/"
  [ -e "$new/root/lib/modules/$kernel_release" ] ||
    fail 1 "$lab: the userland has no /lib -> usr/lib"
  # Newer suites do not ship the lists of built-in modules; depmod would warn.
  touch "$new/root/lib/modules/$kernel_release"/modules.{order,builtin,builtin.modinfo}
  depmod -b "$new/root" "$kernel_release"
}

# The files of the initramfs's modules with what they depend on, in loading order.
module_files() {
  local module
  for module in $initramfs_modules; do
    # Not found: built in.
    { modprobe -d "$1" -S "$kernel_release" --quiet --show-depends "$module" || true; } |
      sed -n 's/^insmod \([^ ]*\).*/\1/p'
  done | awk '!seen[$0]++'
}

make_initramfs() {
  local new=$1 dir=$1/initramfs.dir file name
  mkdir -p "$dir"/{bin,modules,proc,sys,dev}
  cp "$(command -v busybox)" "$dir/bin/busybox"
  ln -s busybox "$dir/bin/sh"
  cp "$here/initramfs-init" "$dir/init"
  module_files "$new/root" >"$new/module-files"
  while read -r file; do
    name=$(basename "$file" .xz)
    case $file in
      *.xz) xz -dc "$file" >"$dir/modules/$name" ;;
      *) cp "$file" "$dir/modules/$name" ;;
    esac
    echo "$name" >>"$dir/modules/order"
  done <"$new/module-files"
  (cd "$dir" && find . | cpio --quiet -o -H newc) >"$new/initramfs"
}

make_image() {
  local new=$1 used_kb
  say "$lab: making the image"
  mkdir -p "$new/root/netvitals" "$new/root/lab"
  used_kb=$(du -sk --apparent-size "$new/root" | cut -f1)
  mke2fs -q -F -t ext4 -O ^has_journal -m 0 -b 4096 -N 65536 -d "$new/root" "$new/rootfs.ext4" \
    "$((used_kb * 12 / 10 + 65536))k" >/dev/null
}

# The version of package $2 in the root $1, without Debian's revision.
installed_version() {
  awk -v package="$2" '$1 == "Package:" { found = $2 == package }
    found && $1 == "Version:" { sub(/-.*/, "", $2); print $2 }' "$1/var/lib/dpkg/status"
}

# Says so when the suite has moved on from what the table expects (sid does).
write_facts() {
  local found_bpftrace found_glibc
  found_glibc=$(installed_version "$1/root" libc6)
  found_bpftrace=$(installed_version "$1/root" bpftrace)
  echo "linux $kernel_release, bpftrace $found_bpftrace, glibc $found_glibc" >"$1/facts"
  case $kernel_release/$found_bpftrace in
    "$kernel".*/"$bpftrace"*) ;;
    *) say "$lab: expected linux $kernel and bpftrace $bpftrace, found $(cat "$1/facts");" \
      "tests/vm/labs is out of date" ;;
  esac
}

prepare_locked() {
  local new=$lab_dir.new started=$SECONDS
  is_prepared && return
  rm -rf --one-file-system "$new"
  mkdir -p "$new/kernel"
  make_userland "$new"
  unpack_kernel "$new"
  make_initramfs "$new"
  make_image "$new"
  write_facts "$new"
  inputs_hash >"$new/inputs"
  rm -rf --one-file-system "$new/root" "$new/kernel" "$new/unpacked" \
    "$new/initramfs.dir" "$new/module-files" "$new/fetch-kernel" "$new/vmlinuz" "$lab_dir"
  mv "$new" "$lab_dir"
  say "$lab: prepared in $((SECONDS - started)) s: $(cat "$lab_dir/facts")"
}

# lock WHAT: one process at a time makes WHAT; the others wait and then find it made. The lock ends
# with the process.
lock() {
  mkdir -p "$labs_dir"
  exec 9>"$labs_dir/$1.lock"
  flock -n 9 || { say "$1: being made by another process, waiting" && flock 9; }
}

prepare() {
  ! is_prepared || return 0
  check_prepare_needs
  lock "$lab"
  prepare_locked
  exec 9>&-
}
