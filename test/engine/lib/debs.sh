# Debian packages, fetched without touching the machine's own apt: its lists, its
# release and its sources may be others.

# download_debs SUITE FOLDER PACKAGE…
download_debs() {
	local suite=$1 to=$2 apt=$cache/apt/$1 keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	shift 2
	need_packages apt-get=apt "$keyring=debian-archive-keyring"
	mkdir -p "$apt"/{lists/partial,archives/partial} "$to"
	printf 'deb [arch=amd64 signed-by=%s] %s %s main\n' "$keyring" "$debian_mirror" "$suite" >"$apt/sources.list"
	: >"$apt/status"
	private_apt "$apt" update -q
	(cd "$to" && private_apt "$apt" download -q "$@")
}

private_apt() {
	local apt=$1
	shift
	# _apt, the user that apt downloads as, cannot write below root's home.
	apt-get -o APT::Architecture=amd64 -o APT::Architectures=amd64 -o APT::Sandbox::User=root \
		-o Dir::State="$apt" -o Dir::State::Status="$apt/status" -o Dir::Cache="$apt" \
		-o Dir::Etc::SourceList="$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null "$@"
}

# fetch_debs: Debian 12's docker.io, an engine from before CDI, unpacked into the cache.
fetch_debs() { locked "$cache" fetch_debs_missing; }

fetch_debs_missing() {
	[ ! -e "$debs/done" ] || return 0
	local deb
	say "fetching Debian 12's docker.io"
	rm -rf "$debs" && mkdir -p "$debs/archives"
	download_debs bookworm "$debs/archives" docker.io containerd runc tini libdevmapper1.02.1 >"$cache/debs.log" 2>&1 ||
		die "the packages could not be fetched: $cache/debs.log
$(tail -n 5 "$cache/debs.log")"
	for deb in "$debs"/archives/*.deb; do dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$debs"; done
	rm -rf "$debs/archives" && : >"$debs/done"
}
