#!/usr/bin/env bash
# Installs what the ACME tests let loose on an authority: certbot (pinned, into $STEPLESS_TOOLS), lego, a name server
# (knot) and the programs that make hosts of one machine, which come from the distribution. Sourced by `tests/run`, after
# tests/prerequisites.sh and tests/sam.sh; run by itself it installs all of it and says so.
# shellcheck shell=bash

certbot_version=5.8.0

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  set -euo pipefail
  # shellcheck source=tests/prerequisites.sh
  . "$(dirname "${BASH_SOURCE[0]}")/prerequisites.sh"
  # shellcheck source=tests/sam.sh
  . "$(dirname "${BASH_SOURCE[0]}")/sam.sh"
  export STEPLESS_TOOLS=${STEPLESS_TOOLS:-$HOME/.cache/stepless/tools}
fi

# Daemons and network tools lie there, and not everybody's path goes there.
PATH=$PATH:/usr/sbin:/sbin
export PATH

# acme_tools: all of them. Quick when they are there.
acme_tools() {
  mkdir -p "$STEPLESS_TOOLS"
  python_tool certbot "$certbot_version" "certbot==$certbot_version"
  need lego lego 'an ACME client that the tests talk to'
  need_knot
  need ip iproute2 'the tests make hosts with a network of their own'
  need unshare util-linux 'the tests make hosts with a network of their own'
}

need_knot() {
  have knotd && have knsupdate && return
  # The package starts a name server for the whole machine; the tests start their own. Debian asks this file first.
  local policy=/usr/sbin/policy-rc.d ours=
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null && as_root chmod 755 "$policy" && ours=yes
  fi
  apt_install 'the name server of the ACME tests' knot knot-dnsutils || true
  [ -z "$ours" ] || as_root rm -f "$policy"
  # Nor shall it start with the machine.
  [ -z "$ours" ] || ! have systemctl || as_root systemctl disable --quiet knot 2>/dev/null || true
  have knotd && have knsupdate ||
    fail 'knotd or knsupdate is missing (the name server of the ACME tests). Install the packages knot and knot-dnsutils, then run this again.'
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  acme_tools
  say "certbot is installed in $STEPLESS_TOOLS, lego and knot on this machine"
fi
