package probe

import (
	"bytes"
	"compress/gzip"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

const (
	mostModule  = 256 << 20 // bytes of a module, unpacked: NVIDIA's largest has some 100 MB
	mostModinfo = 1 << 20   // bytes of its section .modinfo
)

// moduleInfo is what a kernel module's file says of itself.
type moduleInfo struct {
	version string
	signed  bool
	signer  signer
	unread  bool // the version is known from elsewhere, the signature is not
}

// readModinfo reads the modules on disk that will be loaded: that of the kernel that starts
// next and, where no driver is loaded, that of the running one. A packed module must be
// unpacked as a whole, which takes as long as all other sources together: no others are
// read, and not the one that runs.
func readModinfo(ctx context.Context, m *machine) (fill, error) {
	k, _ := m.kernels() // their own source says why they could not be listed
	running, loaded := m.root.text("/proc/sys/kernel/osrelease"), driverVersion(m.root)
	wanted := []string{k.next}
	if loaded == "" && running != k.next {
		wanted = append(wanted, running)
	}
	var failed error
	found := map[string]moduleInfo{}
	for _, release := range wanted {
		kernel := k.release(release)
		if kernel == nil || kernel.NVIDIA == "" {
			continue
		}
		if release == running && path.Ext(kernel.NVIDIA) != ".ko" && m.runs(kernel.NVIDIA, loaded) {
			found[release] = moduleInfo{version: loaded, unread: true}
			continue
		}
		mod, err := m.module(ctx, kernel.NVIDIA)
		if err == nil {
			found[release] = mod
		} else if !isMissing(err) {
			failed = errors.Join(failed, unreadable(kernel.NVIDIA, err))
		}
	}
	if len(found) == 0 {
		return nil, failed
	}
	trusted := m.trusted()
	return func(h *host.Host) {
		for i := range h.Kernel.Installed {
			k := &h.Kernel.Installed[i]
			mod, ok := found[k.Release]
			if !ok {
				continue
			}
			k.NVIDIAVersion, k.Unsigned = mod.version, !mod.signed && !mod.unread
			if mod.signed {
				k.Signer, k.Enrolled = mod.signer.String(), trusted.knows(mod.signer)
			}
		}
	}, failed
}

// runs says whether a module's file is the one that is loaded: it was there when the machine
// started, and the driver's libraries are of the same version. (The initial file system may
// hold an older one than the disk: then these are not.)
func (m *machine) runs(file, loaded string) bool {
	fi, err := m.root.stat(file)
	booted := bootTime(m.root)
	return loaded != "" && err == nil && m.changed(fi).Before(booted) &&
		slices.ContainsFunc(libraryDirs(), func(dir string) bool { return m.root.exists(path.Join(dir, "libnvidia-ml.so."+loaded)) })
}

// module reads a module's file. One that xz packed is left to modinfo, which is there
// where xz is used; exec.ErrNotFound where it is not, or is another machine's.
func (m *machine) module(ctx context.Context, file string) (moduleInfo, error) {
	var unpack func(io.Reader) (io.Reader, error)
	switch path.Ext(file) {
	case ".xz":
		out, err := m.run(ctx, "modinfo", file)
		if err != nil {
			return moduleInfo{}, err
		}
		return parseModinfo(string(out))
	case ".gz":
		unpack = func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }
	case ".zst":
		unpack = func(r io.Reader) (io.Reader, error) {
			return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20))
		}
	}
	f, err := m.root.open(file)
	if err != nil {
		return moduleInfo{}, err
	}
	defer f.Close()
	if unpack == nil {
		fi, err := f.Stat()
		if err != nil {
			return moduleInfo{}, err
		}
		return readModule(f, fi.Size())
	}
	plain, err := unpack(until{ctx, f})
	if err != nil {
		return moduleInfo{}, err
	}
	if c, ok := plain.(*zstd.Decoder); ok {
		defer c.Close()
	}
	data, err := all(plain, mostModule)
	if err != nil {
		return moduleInfo{}, err
	}
	return readModule(bytes.NewReader(data), int64(len(data)))
}

// until is a reader that ends with its context.
type until struct {
	ctx context.Context
	io.Reader
}

func (u until) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.Reader.Read(p)
}

// readModule reads few bytes of a module: its section .modinfo and what is appended.
func readModule(r io.ReaderAt, size int64) (moduleInfo, error) {
	f, err := elf.NewFile(r)
	if err != nil {
		return moduleInfo{}, fmt.Errorf("it is no kernel module: %w", err)
	}
	section := f.Section(".modinfo")
	if section == nil || section.Size > mostModinfo {
		return moduleInfo{}, errors.New("it is no kernel module: it has no section .modinfo")
	}
	data, err := section.Data()
	if err != nil {
		return moduleInfo{}, err
	}
	var mod moduleInfo
	for entry := range bytes.SplitSeq(data, []byte{0}) {
		if v, ok := bytes.CutPrefix(entry, []byte("version=")); ok {
			mod.version = version.FindString(string(v))
		}
	}
	mod.signer, mod.signed, err = readSignature(r, size)
	return mod, err
}

// parseModinfo reads modinfo's output. kmod writes sig_id for every signed module, and
// the signer's name where it was built with OpenSSL.
func parseModinfo(text string) (mod moduleInfo, err error) {
	seen := false
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(line, ":") // lines that go on are indented
		if !ok {
			continue
		}
		switch value = strings.TrimSpace(value); key {
		case "filename":
			seen = true
		case "version":
			mod.version = version.FindString(value)
		case "sig_id":
			mod.signed = true
		case "signer":
			mod.signer.name = value
		case "sig_key":
			mod.signer.setSerial(value)
		}
	}
	if !seen {
		return moduleInfo{}, errors.New("modinfo says nothing of it")
	}
	return mod, nil
}
