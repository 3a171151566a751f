# From the pins to programs in the cache.

# need_packages COMMAND=PACKAGE…: what the machine itself must have.
need_packages() {
	local pair missing=()
	for pair in "$@"; do
		command -v "${pair%%=*}" >/dev/null || [ -e "${pair%%=*}" ] || missing+=("${pair#*=}")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	command -v apt-get >/dev/null || die "these are missing: ${missing[*]} (Debian's package names); install them and try again"
	say "installing ${missing[*]}"
	DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -qy --no-install-recommends "${missing[@]}" >/dev/null ||
		{ apt-get update -q >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -qy --no-install-recommends "${missing[@]}" >/dev/null; } ||
		die "apt-get could not install ${missing[*]}"
}

pins() { grep -v '^#' "$here/pins"; }

build() { locked "$cache" build_missing; }

build_missing() {
	mkdir -p "$bin" "$toolkit" "$cache/built"
	local name how package version
	while read -r name how package version; do
		[ "$(cat "$cache/built/$name" 2>/dev/null)" != "$how $package $version" ] || continue
		[ "$how" != client ] || ! command -v docker >/dev/null || continue
		say "building $name $version"
		build_one "$name" "$how" "$package" "$version" </dev/null
		say "$how $package $version" >"$cache/built/$name"
	done < <(pins)
}

build_one() {
	local name=$1 how=$2 package=$3 version=$4 to=$bin cgo=0 flags=()
	local ld="-s -w" new=$cache/new
	ld="$ld $(version_flag "$name" "$version")"
	command -v go >/dev/null || die "go is missing: https://go.dev/dl"
	case $name in nvidia-*) to=$toolkit ;; esac
	case $how in
	cgo) need_packages gcc=gcc && cgo=1 ;;
	seccomp)
		need_packages gcc=gcc pkg-config=pkg-config /usr/include/seccomp.h=libseccomp-dev
		cgo=1 ld="$ld -extldflags \"-static\"" flags=(-tags seccomp,netgo,osusergo)
		;;
	esac
	# Aside and then renamed: a running daemon's program cannot be written over.
	rm -rf "$new" && mkdir -p "$new"
	if [[ $how = tool || $how = client ]]; then
		[ "$(cd "$here" && go list -f '{{.Module.Version}}' "$package")" = "$version" ] ||
			die "$here/pins and $here/go.mod disagree about $name"
		# Without a go.mod of its own, docker/cli would be compiled as Go 1.16.
		(cd "$here" && CGO_ENABLED=$cgo go build -trimpath -buildvcs=false -ldflags "$ld" \
			-gcflags 'github.com/docker/cli/...=-lang=go1.26' -o "$new/" "$package")
	else
		(cd / && GOBIN=$new CGO_ENABLED=$cgo go install -trimpath -buildvcs=false "${flags[@]}" -ldflags "$ld" "$package@$version")
	fi
	mv -f "$new"/* "$to/$name"
	rmdir "$new"
}

# version_flag NAME VERSION: each program says the version it was built from.
version_flag() {
	case $1 in
	dockerd) say "-X github.com/moby/moby/v2/dockerversion.Version=$engine_version" ;;
	containerd*) say "-X github.com/containerd/containerd/v2/version.Version=$2" ;;
	registry) say "-X github.com/distribution/distribution/v3/version.version=$2" ;;
	buildkitd) say "-X github.com/moby/buildkit/version.Version=$2" ;;
	docker) say "-X github.com/docker/cli/cli/version.Version=${2%+*}" ;;
	docker-buildx) say "-X github.com/docker/buildx/version.Version=$2" ;;
	nvidia-*) say "-X github.com/NVIDIA/nvidia-container-toolkit/internal/info.version=${2#v}" ;;
	esac
}

# Moby's modules count betas where Docker's releases count 29.x; clients and our
# own checks compare releases.
engine_version=29.8.0-dockergpu
