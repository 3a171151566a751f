# Base images, made here because no registry need be reachable: Debian by
# debootstrap, and a tiny musl system for the tests of what must not work. The
# same mirror state gives the same image, byte for byte.

bases() {
	cat <<-T
		debian:bookworm        bookworm
		debian:trixie          trixie
		python:3.11-bookworm   bookworm python3,ca-certificates,libgomp1
		python:3.13-trixie     trixie   python3,ca-certificates,libgomp1
		musl:latest            bookworm musl
	T
}

# make_bases: those that the registry lacks.
make_bases() {
	local name suite with
	while read -r name suite with; do
		[ ! -e "$cache/registry/docker/registry/v2/repositories/${name%:*}/_manifests/tags/${name#*:}/current/link" ] || continue
		make_base "$name" "$suite" "$with" </dev/null
	done < <(bases)
}

remake_bases() {
	build
	locked "$dir" registry_start
	locked "$cache" make_all_bases
}

make_all_bases() {
	local name suite with
	while read -r name suite with; do
		make_base "$name" "$suite" "$with" </dev/null
	done < <(bases)
}

# make_base NAME SUITE WITH: one layer, pushed with its configuration.
make_base() {
	local name=$1 root=$cache/rootfs log=$cache/rootfs.log
	say "making base $registry/$name"
	rm -rf "$root"
	(if [ "${name%:*}" = musl ]; then musl_root "$root"; else debian_root "$root" "$2" "$3"; fi) >"$log" 2>&1 ||
		die "base $name could not be made: $log
$(tail -n 10 "$log")"
	local epoch
	epoch=$(cat "$root.epoch")
	# Files newer than the archive's own date were made here: they get that date.
	# The others keep theirs, since Python's compiled files refer to it.
	tar -C "$root" --sort=name --numeric-owner --clamp-mtime --mtime="@$epoch" \
		--format=posix --pax-option=delete=atime,delete=ctime,exthdr.name=%d/PaxHeaders/%f \
		-cf "$root.tar" .
	rm -rf "$root"
	crane append --insecure --new_layer "$root.tar" --new_tag "$registry/$name" >>"$log" 2>&1
	crane mutate --insecure "$registry/$name" --tag "$registry/$name" --set-platform linux/amd64 \
		--cmd /bin/sh --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin >>"$log" 2>&1
	rm -f "$root.tar" "$root.epoch"
}

crane() { "$bin/crane" "$@"; }

debian_root() {
	local root=$1 suite=$2 with=$3 keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	need_packages debootstrap=debootstrap "$keyring=debian-archive-keyring"
	mkdir -p "$cache/debootstrap"
	debootstrap --variant=minbase ${with:+--include=$with} --keyring="$keyring" \
		--cache-dir="$cache/debootstrap" "$suite" "$root" "$debian_mirror"
	date -d "$(sed -n 's/^Date: //p' "$root"/var/lib/apt/lists/*_InRelease | head -n 1)" +%s >"$root.epoch"
	generic "$root" "$suite" "$(cat "$root.epoch")"
}

# generic ROOT SUITE EPOCH: nothing of this machine or this hour stays.
generic() {
	local root=$1
	printf 'deb http://deb.debian.org/debian %s main\n' "$2" >"$root/etc/apt/sources.list"
	rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* "$root"/var/log/* "$root"/tmp/* "$root"/run/* \
		"$root"/var/cache/ldconfig/aux-cache "$root"/var/cache/debconf/*-old "$root"/var/lib/dpkg/*-old \
		"$root"/etc/*- "$root"/debootstrap "$root"/etc/resolv.conf "$root"/etc/hostname "$root"/etc/hosts \
		"$root"/dev
	mkdir "$root/dev"
	: >"$root/etc/machine-id"
	# The third field of shadow is the day on which the account was made.
	sed -i -E "s/^([^:]*:[^:]*):[0-9]+:/\1:$(($3 / 86400)):/" "$root/etc/shadow"
}

# musl_root ROOT: enough of Alpine to be taken for it.
musl_root() {
	local root=$1 deb
	mkdir -p "$root"/{bin,dev,etc,lib,proc,run,sys,tmp,usr/lib,usr/bin,var} "$cache/musl"
	chmod 1777 "$root/tmp"
	download_debs bookworm "$cache/musl" musl busybox-static
	for deb in "$cache"/musl/*.deb; do dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$cache/musl"; done
	cp "$cache/musl/bin/busybox" "$root/bin/busybox"
	cp -L "$cache/musl/lib/x86_64-linux-musl/libc.so" "$root/lib/ld-musl-x86_64.so.1" 2>/dev/null ||
		cp -L "$cache/musl/usr/lib/x86_64-linux-musl/libc.so" "$root/lib/ld-musl-x86_64.so.1"
	ln -s ld-musl-x86_64.so.1 "$root/lib/libc.musl-x86_64.so.1"
	for applet in $("$root/bin/busybox" --list); do
		[ "$applet" = busybox ] || ln -sf busybox "$root/bin/$applet"
	done
	printf 'root:x:0:0:root:/root:/bin/sh\n' >"$root/etc/passwd"
	printf 'root:x:0:\n' >"$root/etc/group"
	printf 'NAME="Alpine Linux"\nID=alpine\nVERSION_ID=3.20.0\nPRETTY_NAME="Alpine Linux v3.20"\n' >"$root/etc/os-release"
	printf '3.20.0\n' >"$root/etc/alpine-release"
	# Debian 12's release: any fixed date does, and everything here was made just now.
	say 1686355200 >"$root.epoch"
	find "$root" -exec touch -hd "@$(cat "$root.epoch")" {} +
	rm -rf "$cache/musl"
}
