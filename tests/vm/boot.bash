# shellcheck shell=bash disable=SC2154 # tests/vm/lab sets the variables
# SPDX-License-Identifier: Apache-2.0
#
# lab run, lab shell: starts qemu, carries output and exit code back (see guest-init for the other
# side).

# Sets memory, limit, out, net, command from the words after the lab's name.
parse_boot_options() {
  memory=2048 limit=600 out=$labs_dir/out/$lab net='' command=()
  while [ "$#" -gt 0 ]; do
    case $1 in
      --net) net=1 ;;
      --mem | --timeout | --out)
        [ "$#" -ge 2 ] || fail 2 "$1 needs a value"
        case $1 in
          --mem) memory=$2 ;;
          --timeout) limit=$2 ;;
          --out) out=$2 ;;
        esac
        shift
        ;;
      --)
        shift
        command=("$@")
        break
        ;;
      *) fail 2 "unknown option '$1'; the command comes after --" ;;
    esac
    shift
  done
  [[ $memory =~ ^[0-9]+$ && $limit =~ ^[0-9]+$ ]] ||
    fail 2 "--mem and --timeout need a whole number"
  [ "$verb" = shell ] || [ "${#command[@]}" -gt 0 ] ||
    fail 2 "no command: tests/vm/lab run $lab -- COMMAND…"
}

# /dev/kvm can exist and not work (nested virtualization): try it.
accelerator() {
  if [ -n "${LAB_ACCEL:-}" ]; then
    echo "$LAB_ACCEL"
  elif [ -w /dev/kvm ] && echo quit | timeout 10 qemu-system-x86_64 -accel kvm -cpu max \
    -nodefaults -display none -monitor stdio >/dev/null 2>&1; then
    echo kvm
  else
    echo tcg
  fi
}

# qemu's options go into the array qemu.
compose_qemu() {
  local control=$1 accel cpu=max
  accel=$(accelerator)
  # Emulated, a plain processor is a third faster than one with every feature, and its TSC stays
  # usable as the clock.
  [ "$accel" = kvm ] || { accel=tcg,thread=multi && cpu=Nehalem-v1,+rdrand; }
  # norandmaps: qemu translates a program's code anew where it stands at other addresses than before.
  # With the same ones each time a process starts in a fourth of the time (qemu 7.2).
  qemu=(qemu-system-x86_64 -nodefaults -no-user-config -no-reboot -display none
    -machine q35 -accel "$accel" -cpu "$cpu" -smp 2 -m "$memory"
    -kernel "$lab_dir/vmlinux" -initrd "$lab_dir/initramfs"
    -append "console=ttyS0 loglevel=4 panic=-1 oops=panic mitigations=off audit=0 apparmor=0 norandmaps"
    -serial "file:$out/console.log"
    -drive "if=none,id=root,file=$lab_dir/rootfs.ext4,format=raw,readonly=on,file.locking=off"
    -device "virtio-blk-pci,drive=root"
    -virtfs "local,path=$tree,mount_tag=tree,security_model=none,readonly=on,multidevs=remap"
    -virtfs "local,path=$control,mount_tag=control,security_model=none"
    -virtfs "local,path=$out,mount_tag=out,security_model=none")
  # Tests of timing run inside while others may keep this machine busy.
  [ "$(id -u)" != 0 ] || qemu=(nice -n -10 "${qemu[@]}")
  [ -z "$net" ] || qemu+=(-netdev "user,id=net" -device "virtio-net-pci,netdev=net")
  # Two network cards joined by a cable: tests move them to namespaces (make_wire finds them by
  # these addresses). Behind the other one, so that their presence does not change its name.
  local side
  for side in 1 2; do
    qemu+=(-netdev "hubport,id=wire$side,hubid=0"
      -device "virtio-net-pci,netdev=wire$side,mac=52:54:00:4e:56:0$side")
  done
  [ "$verb" = run ] ||
    qemu+=(-chardev "stdio,id=tty,signal=off" -device virtio-serial-pci
      -device "virtconsole,chardev=tty")
}

write_settings() {
  local size
  {
    printf 'LAB=%s\nLAB_NET=%s\nLAB_BUILD=%s\n' "$lab" "$net" "$(own_build_dir)"
    if size=$(stty size 2>/dev/null) && [ "$size" != "0 0" ]; then
      printf 'LAB_ROWS=%s\nLAB_COLUMNS=%s\n' "${size% *}" "${size#* }"
    fi
  } >"$1/settings"
  [ "$verb" = shell ] || printf '%s\0' "${command[@]}" >"$1/command"
  : >"$1/stdout"
  : >"$1/stderr"
}

show_console() {
  say "the guest's last kernel messages (all of them: $out/console.log):"
  { grep -m 1 -A 3 'Kernel panic' "$out/console.log" || tail -n 20 "$out/console.log"; } |
    tr -d '\r' | sed 's/^/    /' >&2
}

# Ends what this run started, whatever the reason.
clean_up() {
  local pid
  exec 2>/dev/null # the shell would report each child that is killed here
  for pid in "${children[@]}"; do kill -KILL "$pid" || true; done
  wait || true
  rm -rf --one-file-system "$control"
}

# Starts qemu, copies the job's output while it grows, waits for the first of: qemu's end, the time
# limit, nobody reading.
run_guest() {
  local qemu_pid timer ended
  "${qemu[@]}" </dev/null >"$control/qemu.log" 2>&1 &
  qemu_pid=$!
  tail -c +1 -f -s 0.1 --pid="$qemu_pid" "$control/stdout" &
  local out_pid=$!
  tail -c +1 -f -s 0.1 --pid="$qemu_pid" "$control/stderr" >&2 &
  local err_pid=$!
  sleep "$limit" &
  timer=$!
  children=("$qemu_pid" "$out_pid" "$err_pid" "$timer")
  wait -n -p ended "$qemu_pid" "$out_pid" "$err_pid" "$timer" || true
  if [ "$ended" = "$timer" ]; then
    kill -KILL "$qemu_pid"
    # The shell's note that it was killed is not wanted.
    { wait "$qemu_pid" "$out_pid" "$err_pid" || true; } 2>/dev/null
    show_console
    fail 124 "$lab: no end after $limit s: killed (--timeout)"
  fi
  # A copier that ends before qemu has lost its reader (closed pipe): nobody wants the rest.
  if [ "$ended" != "$qemu_pid" ] && kill -0 "$qemu_pid" 2>/dev/null; then
    sleep 0.3
    ! kill -0 "$qemu_pid" 2>/dev/null || exit 141
  fi
  wait "$out_pid" "$err_pid" || true
}

boot() {
  need qemu-system-x86_64 qemu-system-x86
  prepare
  ! own_build_needed || own_build
  mkdir -p "$out"
  out=$(readlink -f "$out")
  control=$(mktemp -d "$labs_dir/run.XXXXXX")
  children=()
  trap clean_up EXIT
  trap 'exit 130' INT TERM
  write_settings "$control"
  compose_qemu "$control"
  if [ "$verb" = shell ]; then
    say "$lab: $(cat "$lab_dir/facts"); 'exit' ends it"
    "${qemu[@]}" || true
  else
    run_guest
  fi
  if [ ! -e "$control/status" ]; then
    [ ! -s "$control/qemu.log" ] || sed 's/^/    /' "$control/qemu.log" >&2
    show_console
    fail 125 "$lab: the guest died before its job ended"
  fi
  exit "$(cat "$control/status")"
}
