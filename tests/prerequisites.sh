# Finds what a build or a test run needs, and installs it where it can. Sourced by `quickstart` and `tests/run`.
# shellcheck shell=bash

# Below this version the aws and rustls crates do not compile; Cargo.toml says the same in `rust-version`.
rust_minimum=1.94.1
# Below this version `go` cannot fetch by itself the toolchain that a module asks for.
go_minimum=1.21

# A shell without HOME (a bare container, `env -i`) still has a home folder in the password file.
: "${HOME:=$(getent passwd "$(id -u)" | cut -d: -f6)}"
: "${HOME:=/tmp}"
export HOME

say() { printf '==> %s\n' "$*"; }
fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# at_least 1.94 1.95.0: is the second version the first or newer?
at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif have sudo && sudo -n true 2>/dev/null; then
    sudo "$@"
  else
    return 1
  fi
}

# apt_install 'what for' package...: fails, so that the caller can say it better, where there is no apt or no root.
apt_updated=
apt_install() {
  local purpose=$1
  shift
  have apt-get || return 1
  as_root true || return 1
  say "installing $* with apt-get ($purpose)"
  if [ -z "$apt_updated" ]; then
    as_root apt-get update -qq || return 1
    apt_updated=yes
  fi
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# need program package 'what for'
need() {
  have "$1" || apt_install "$3" "$2" || fail "$1 is missing ($3), and it could not be installed here. Install the package $2, then run this again."
  have "$1" || fail "$1 is still missing ($3) after the package $2 was installed."
}

need_c_compiler() {
  have cc && printf '#include <stdlib.h>\nint main(void){return 0;}\n' | cc -x c -o /dev/null - 2>/dev/null && return
  apt_install 'the cryptography is partly C' gcc libc6-dev ||
    fail 'a C compiler is missing, and it could not be installed here. Install gcc and libc6-dev, then run this again.'
}

rust_version() { cargo --version 2>/dev/null | awk '{print $2}'; }

need_rust() {
  PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
  export PATH
  if have cargo && [ -z "$(rust_version)" ]; then
    # `cargo` is rustup's proxy, and rustup looks for its toolchains in HOME. With another HOME than the one it was
    # installed under they still lie beside the proxy.
    local beside
    beside=$(dirname "$(dirname "$(dirname "$(command -v cargo)")")")/.rustup
    if [ -d "$beside/toolchains" ]; then
      export RUSTUP_HOME=$beside
      say "using the Rust toolchain in $RUSTUP_HOME"
    fi
  fi
  local version
  version=$(rust_version)
  if [ -z "$version" ] || ! at_least "$rust_minimum" "$version"; then
    install_rust
    version=$(rust_version)
  fi
  if [ -z "$version" ] || ! at_least "$rust_minimum" "$version"; then
    fail "Rust $rust_minimum or newer is missing${version:+ (this is $version)}, and it could not be installed here. Install it from https://rustup.rs, then run this again."
  fi
}

install_rust() {
  if have rustup; then
    say 'installing the stable Rust toolchain with rustup'
    rustup toolchain install stable --profile minimal -c rustfmt -c clippy && rustup default stable
    return 0
  fi
  need curl curl 'to fetch rustup'
  say 'installing Rust with rustup (https://rustup.rs), into your home folder'
  local installer
  installer=$(mktemp)
  if curl --proto '=https' --tlsv1.2 -fsS --retry 2 -o "$installer" https://sh.rustup.rs; then
    sh "$installer" -y --profile minimal -c rustfmt -c clippy --no-modify-path || true
  fi
  rm -f "$installer"
}

need_rust_components() {
  cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1 && return
  have rustup && rustup component add rustfmt clippy && return
  fail 'rustfmt and clippy are missing. Add them to the Rust toolchain, then run this again.'
}

go_version() { GOTOOLCHAIN=local go version 2>/dev/null | awk '{sub("^go", "", $3); print $3}'; }

need_go() {
  PATH=$PATH:/usr/local/go/bin
  export PATH
  have go || apt_install 'to build the step CLI and step-ca' golang-go || true
  local version
  version=$(go_version)
  if [ -z "$version" ] || ! at_least "$go_minimum" "$version"; then
    fail "Go $go_minimum or newer is missing${version:+ (this is $version)}; the step CLI and step-ca are built with it. Install it from https://go.dev/dl, then run this again."
  fi
}
