#!/usr/bin/env bash
# Installs what checks, builds and measures the serverless platform, pinned, into $STEPLESS_TOOLS: the SAM CLI (it brings
# the runtime interface emulator), cfn-lint, and cargo-lambda with zig as its linker. Sourced by `tests/run` and
# `tests/bench/run`, after tests/prerequisites.sh; run by itself it installs all of them and says so.
# shellcheck shell=bash

sam_version=1.170.0
cfn_lint_version=1.58.0
cargo_lambda_version=1.9.2
zig_version=0.17.1

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  set -euo pipefail
  # shellcheck source=tests/prerequisites.sh
  . "$(dirname "${BASH_SOURCE[0]}")/prerequisites.sh"
  export STEPLESS_TOOLS=${STEPLESS_TOOLS:-$HOME/.cache/stepless/tools}
fi

# python_tool name version package...: in an environment of its own, at $STEPLESS_TOOLS/name-version.
python_tool() {
  local name=$1 folder=$STEPLESS_TOOLS/$1-$2
  shift 2
  mkdir -p "$STEPLESS_TOOLS"
  python_tool_stands "$folder" && return
  say "installing $* (half a minute, once)"
  need python3 python3 "$name is written in it"
  python3 -c 'import ensurepip, venv' 2>/dev/null || apt_install "$name lives in an environment of its own" python3-venv ||
    fail "the venv module of Python is missing ($name lives in an environment of its own). Install the package python3-venv, then run this again."
  # The programs of an environment name its path, so it is made where it stays. Two installers take turns, and the mark
  # is written last: an interrupted installation leaves nothing that looks finished.
  (
    flock 9
    python_tool_stands "$folder" && exit
    rm -rf "$folder"
    python3 -m venv "$folder"
    "$folder/bin/pip" install --quiet --disable-pip-version-check --no-input "$@"
    touch "$folder/.finished"
  ) 9>"$STEPLESS_TOOLS/.lock-$name" || fail "$* could not be installed from PyPI"
}

# A cache may outlive the Python that it was made with.
python_tool_stands() { [ -e "$1/.finished" ] && "$1/bin/python3" -c '' 2>/dev/null; }

need_sam() { python_tool aws-sam-cli "$sam_version" "aws-sam-cli==$sam_version"; }
need_cfn_lint() { python_tool cfn-lint "$cfn_lint_version" "cfn-lint==$cfn_lint_version"; }
need_cargo_lambda() {
  python_tool cargo-lambda "$cargo_lambda_version" "cargo-lambda==$cargo_lambda_version" "ziglang==$zig_version"
}

# sam argument...: offline as far as the command allows, with nobody's settings.
sam() {
  SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=us-east-1 "$STEPLESS_TOOLS/aws-sam-cli-$sam_version/bin/sam" "$@"
}

cfn_lint() { "$STEPLESS_TOOLS/cfn-lint-$cfn_lint_version/bin/cfn-lint" "$@"; }

# The path of the runtime interface emulator for this machine.
runtime_interface_emulator() {
  local machine
  case $(uname -m) in
  aarch64 | arm64) machine=arm64 ;;
  *) machine=x86_64 ;;
  esac
  "$STEPLESS_TOOLS/aws-sam-cli-$sam_version/bin/python3" -c \
    'import samcli.local, sys; print(f"{samcli.local.__path__[0]}/rapid/aws-lambda-rie-{sys.argv[1]}")' "$machine"
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  need_sam
  need_cfn_lint
  need_cargo_lambda
  say "sam, cfn-lint and cargo-lambda are installed in $STEPLESS_TOOLS"
  say "the runtime interface emulator is $(runtime_interface_emulator)"
fi
