# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# nap.bash - nap SECONDS sleeps without a process: one takes long to start where all is emulated.

nap() {
  # nothing ever comes out of this pipe
  [ -n "${NAP-}" ] || exec {NAP}<> <(:)
  read -r -t "$1" -u "$NAP" || true
}
