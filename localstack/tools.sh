#!/usr/bin/env bash
# Installs the emulators that stand for AWS on loopback, pinned, into $STEPLESS_TOOLS. Sourced by `tests/run` and
# `localstack/up`, after tests/prerequisites.sh; run by itself it installs and says so.
# shellcheck shell=bash

ministack_version=1.5.33
# Its KMS signs with this, and it does not ask for it by itself.
ministack_cryptography_version=48.0.0
dynamodb_local_version=2.6.1

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  set -euo pipefail
  # shellcheck source=tests/prerequisites.sh
  . "$(dirname "${BASH_SOURCE[0]}")/../tests/prerequisites.sh"
fi

# emulators: both, ready to be started by the tests and by `localstack/up`. Quick when they are there.
emulators() {
  : "${STEPLESS_TOOLS:=$HOME/.cache/stepless/tools}"
  mkdir -p "$STEPLESS_TOOLS"
  need_ministack
  need_dynamodb_local
  # A machine that came with the cache may lack what runs it.
  have java || need java default-jre-headless 'DynamoDB Local runs on it'
}

# A finished folder carries this file, written last: an interrupted installation leaves nothing that looks finished.
finished=.finished

need_ministack() {
  local folder=$STEPLESS_TOOLS/ministack-$ministack_version
  [ -e "$folder/$finished" ] && "$folder/bin/python3" -c '' 2>/dev/null && return
  say "installing ministack $ministack_version (half a minute, once)"
  need python3 python3 'ministack is written in it'
  python3 -c 'import ensurepip, venv' 2>/dev/null || apt_install 'ministack lives in an environment of its own' python3-venv ||
    fail 'the venv module of Python is missing (ministack lives in an environment of its own). Install the package python3-venv, then run this again.'
  # The programs of an environment name its path, so it is made where it stays. Two installers take turns.
  (
    flock 9
    [ -e "$folder/$finished" ] && "$folder/bin/python3" -c '' 2>/dev/null && exit
    rm -rf "$folder"
    python3 -m venv "$folder"
    "$folder/bin/pip" install --quiet --disable-pip-version-check --no-input \
      "ministack==$ministack_version" "cryptography==$ministack_cryptography_version"
    touch "$folder/$finished"
  ) 9>"$STEPLESS_TOOLS/.lock-ministack" || fail "ministack $ministack_version could not be installed from PyPI"
}

need_dynamodb_local() {
  local folder=$STEPLESS_TOOLS/dynamodb-local-$dynamodb_local_version
  [ -e "$folder/$finished" ] && return
  say "installing DynamoDB Local $dynamodb_local_version (a minute, once)"
  need java default-jre-headless 'DynamoDB Local runs on it'
  need mvn maven 'DynamoDB Local comes from Maven Central'
  local building
  building=$(mktemp -d "$STEPLESS_TOOLS/.building-XXXXXX")
  cat >"$building/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>stepless</groupId>
  <artifactId>dynamodb-local</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>com.amazonaws</groupId>
      <artifactId>DynamoDBLocal</artifactId>
      <version>$dynamodb_local_version</version>
    </dependency>
  </dependencies>
</project>
POM
  mvn --quiet --batch-mode --file "$building/pom.xml" dependency:copy-dependencies -DoutputDirectory="$building/lib" ||
    fail "DynamoDB Local $dynamodb_local_version could not be fetched from Maven Central"
  touch "$building/$finished"
  # Another installer may have been quicker; then its folder stays and ours goes.
  mv -T "$building" "$folder" 2>/dev/null || rm -rf "$building"
  [ -e "$folder/$finished" ] || fail "$folder is in the way: it is not empty and not finished. Remove it, then run this again."
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  emulators
  say "the emulators are installed in $STEPLESS_TOOLS"
fi
