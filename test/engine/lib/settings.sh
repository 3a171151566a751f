# Where things lie, and what the flags say.

# With HOME unset, bash still finds the home of the user for a plain tilde; go
# and docker do not, so they are told.
: "${HOME:=$(echo ~)}"
export HOME

cache=${DOCKER_GPU_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/docker-gpu}
bin=$cache/bin
toolkit=$cache/toolkit   # nvidia-*: apart, because their mere presence on PATH changes what dockerd does
debs=$cache/debs         # Debian's own docker.io, unpacked: the old engine
registry_port=${DOCKER_GPU_REGISTRY_PORT:-5055}
registry=localhost:$registry_port
debian_mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
variants="containerd graphdriver buildkit old"

dir=${DOCKER_GPU_ENGINE_DIR:-$cache/run}
variant=
gpu=

say() { printf '%s\n' "$*"; }
die() {
	printf 'engine: %s\n' "$*" >&2
	exit 1
}
need_root() { [ "$(id -u)" = 0 ] || die "a Docker Engine needs root; run this as root"; }

parse_flags() {
	while [ $# -gt 0 ]; do
		case $1 in
		--variant=* | --gpu=* | --dir=*) set -- "${1%%=*}" "${1#*=}" "${@:2}" && continue ;;
		--variant) variant=${2:?--variant wants a value} && shift ;;
		--gpu) gpu=${2:?--gpu wants a value} && shift ;;
		--dir) dir=${2:?--dir wants a value} && shift ;;
		--all) variant= ;;
		*) die "no such flag: $1" ;;
		esac
		shift
	done
	[[ -z $variant || " $variants " == *" $variant "* ]] || die "no such variant: $variant (there are $variants)"
	[[ $gpu =~ ^(fake|none)?$ ]] || die "--gpu is fake or none, not $gpu"
	[[ $dir == /* ]] || dir=$PWD/$dir
	# A Unix socket's path ends at 107 characters, and containerd's lies four folders down.
	[ ${#dir} -le 60 ] || die "the folder $dir has too long a name for Unix sockets (60 characters at most); give --dir"
}

# state VARIANT: the folder that holds all that one engine writes.
state() { say "$dir/$1"; }

# locked FOLDER COMMAND…: one command at a time in a folder. The daemons must not
# inherit the lock: they are started with fd 9 closed.
locked() {
	local folder=$1
	shift
	mkdir -p "$folder"
	(
		flock 9
		"$@"
	) 9>"$folder/lock"
}
