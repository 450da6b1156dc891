# The steps of sandbox.ts that only a shell can take: each does its part and becomes the command that follows.
#
#   limit KIB COMMAND...            bounds for memory and work, and no dump of it
#   wall ROOT PATH... -- COMMAND... nothing of the file system but these paths, and they cannot be written
set -eu
PATH=/usr/sbin:/usr/bin:/sbin:/bin
step=$1
shift
case $step in
limit)
  ulimit -c 0
  # Seconds of the processor: the end of one whose host is gone, where nothing else ends it.
  ulimit -t 300
  # Memory that can be written, in KiB: what WebAssembly only reserves does not count.
  ulimit -d "$1"
  shift
  exec "$@"
  ;;
wall)
  root=$1
  shift
  mount -t tmpfs -o mode=0755,nosuid,nodev,size=1m sandbox "$root"
  while [ "$1" != -- ]; do
    if [ -d "$1" ]; then
      mkdir -p "$root$1"
    else
      mkdir -p "$root${1%/*}"
      : >"$root$1"
    fi
    mount --bind "$1" "$root$1"
    mount -o remount,bind,ro,nosuid,nodev "$root$1"
    shift
  done
  shift
  mount -o remount,bind,ro,nosuid,nodev "$root"
  # Not pivot_root: who is in a chroot cannot make a user namespace, and so does not get the rights to leave it.
  exec chroot "$root" "$@"
  ;;
esac
