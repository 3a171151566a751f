package probe

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// These were made by `openssl cms -sign -binary -nocerts -noattr` as the kernel's sign-file
// does it, with a key whose certificate is key.crt: one names the issuer, one the key's id.
func signed(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata/modules", name+".b64"))
	assert.NilError(t, err)
	data, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(string(text), "\n", ""))
	assert.NilError(t, err)
	return data
}

const (
	keyName = "box1 Secure Boot Module Signature key"
	keyID   = "d093d2105589e1dbdd6dbf602407bd0de4bfd74a"
)

// elfModule is the smallest file that is a module: a section .modinfo, and the names of sections.
func elfModule(modinfo string) []byte {
	names := "\x00.modinfo\x00.shstrtab\x00"
	var b bytes.Buffer
	b.WriteString("\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 9))
	infoAt := 64
	namesAt := infoAt + len(modinfo)
	write := func(values ...any) {
		for _, v := range values {
			_ = binary.Write(&b, binary.LittleEndian, v)
		}
	}
	write(uint16(1), uint16(62), uint32(1), uint64(0), uint64(0), uint64(namesAt+len(names)), uint32(0), uint16(64), uint16(0), uint16(0), uint16(64), uint16(3), uint16(2))
	b.WriteString(modinfo + names)
	section := func(name, kind uint32, at, size int) {
		write(name, kind, uint64(0), uint64(0), uint64(at), uint64(size), uint32(0), uint32(0), uint64(1), uint64(0))
	}
	section(0, 0, 0, 0)
	section(1, 1, infoAt, len(modinfo))
	section(10, 3, namesAt, len(names))
	return b.Bytes()
}

// sign appends a signature as the kernel's scripts/sign-file does.
func sign(module, message []byte) []byte {
	info := make([]byte, signatureInfo)
	info[2] = 2
	binary.BigEndian.PutUint32(info[8:], uint32(len(message)))
	return bytes.Join([][]byte{module, message, info, []byte(signatureMagic)}, nil)
}

const modinfo580 = "license=Dual MIT/GPL\x00version=580.65.06\x00supported=external\x00parm=NVreg_version=1\x00"

func TestModulesOnDisk(t *testing.T) {
	gz := func(data []byte) string {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, err := w.Write(data)
		assert.NilError(t, errors.Join(err, w.Close()))
		return b.String()
	}
	zst := func(data []byte) string {
		w, err := zstd.NewWriter(nil)
		assert.NilError(t, err)
		return string(w.EncodeAll(data, nil))
	}
	plain := elfModule(modinfo580)
	whole := sign(plain, signed(t, "issuer.p7"))
	const dir = "lib/modules/6.8.0-49-generic/"
	for name, c := range map[string]struct {
		file, content string
		want          host.InstalledKernel
		why           string
	}{
		"signed":       {"nvidia.ko", string(whole), host.InstalledKernel{NVIDIAVersion: "580.65.06", Signer: keyName}, ""},
		"by a key id":  {"nvidia.ko", string(sign(plain, signed(t, "keyid.p7"))), host.InstalledKernel{NVIDIAVersion: "580.65.06", Signer: keyID}, ""},
		"gzip":         {"nvidia.ko.gz", gz(whole), host.InstalledKernel{NVIDIAVersion: "580.65.06", Signer: keyName}, ""},
		"zstd":         {"nvidia.ko.zst", zst(whole), host.InstalledKernel{NVIDIAVersion: "580.65.06", Signer: keyName}, ""},
		"not signed":   {"nvidia.ko", string(plain), host.InstalledKernel{NVIDIAVersion: "580.65.06", Unsigned: true}, ""},
		"no version":   {"nvidia.ko", string(elfModule("license=NVIDIA\x00")), host.InstalledKernel{Unsigned: true}, ""},
		"odd":          {"nvidia.ko", string(sign(plain, []byte("not PKCS#7"))), host.InstalledKernel{NVIDIAVersion: "580.65.06"}, ""},
		"no module":    {"nvidia.ko", "hello", host.InstalledKernel{}, "it is no kernel module"},
		"empty":        {"nvidia.ko", "", host.InstalledKernel{}, "it is no kernel module"},
		"other ELF":    {"nvidia.ko", string(bytes.ReplaceAll(plain, []byte(".modinfo"), []byte(".others!"))), host.InstalledKernel{}, "no section .modinfo"},
		"cut":          {"nvidia.ko", string(plain[:100]), host.InstalledKernel{}, "it is no kernel module"},
		"no gzip":      {"nvidia.ko.gz", "hello", host.InstalledKernel{}, "cannot be read: "},
		"half of zstd": {"nvidia.ko.zst", zst(whole)[:300], host.InstalledKernel{}, "cannot be read: "},
	} {
		t.Run(name, func(t *testing.T) {
			at := dir + "updates/dkms/" + c.file
			m := fake(t, files{dir + "modules.dep": "updates/dkms/" + c.file + ":\n", at: c.content, "boot/vmlinuz-6.8.0-49-generic": ""})
			h := gather(t.Context(), m, installedSources())
			c.want.Release, c.want.NVIDIA = "6.8.0-49-generic", "/"+at
			assert.DeepEqual(t, h.Kernel.Installed, []host.InstalledKernel{c.want})
			assert.Assert(t, strings.Contains(h.Unread["modinfo"], c.why) && (c.why != "") == (h.Unread["modinfo"] != ""), h.Unread["modinfo"])
			assert.Assert(t, !strings.Contains(h.Unread["modinfo"], string(m.root)), "the path below a root says nothing")
		})
	}
}

func installedSources() (list []source) {
	for _, s := range sources() {
		if s.name == "kernels" || s.name == "modinfo" {
			s.timeout *= 10
			list = append(list, s)
		}
	}
	return list
}

// xz takes Go long and modinfo is there where it is used; below another root it may not be run.
func TestAModuleThatXZPacked(t *testing.T) {
	const at = "/lib/modules/5.14.0-611.el9.x86_64/extra/nvidia.ko.xz"
	tree := files{"lib/modules/5.14.0-611.el9.x86_64/modules.dep": "extra/nvidia.ko.xz:\n", at[1:]: "\xfd7zXZ", "boot/vmlinuz-5.14.0-611.el9.x86_64": ""}
	const head = "filename:       " + at + "\nversion:        580.65.06\nlicense:        NVIDIA\nvermagic:       5.14.0-611.el9.x86_64 SMP\n"
	for name, c := range map[string]struct {
		out  string
		err  error
		want host.InstalledKernel
		why  string
	}{
		"signed": {head + "sig_id:         PKCS#7\nsigner:         " + keyName + "\nsig_key:        1F:0A:2B\nsig_hashalgo:   sha256\nsignature:      00:11:\n\t\tversion: 1.2.3\n", nil,
			host.InstalledKernel{NVIDIAVersion: "580.65.06", Signer: keyName}, ""},
		"unsigned":   {head, nil, host.InstalledKernel{NVIDIAVersion: "580.65.06", Unsigned: true}, ""},
		"fails":      {"", errors.New("exit status 1"), host.InstalledKernel{}, at + " cannot be read: exit status 1"},
		"is silent":  {"", nil, host.InstalledKernel{}, at + " cannot be read: modinfo says nothing of it"},
		"is missing": {"", exec.ErrNotFound, host.InstalledKernel{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			m := fake(t, tree)
			m.run = says(t, "modinfo "+at, c.out, c.err)
			h := gather(t.Context(), m, installedSources())
			c.want.Release, c.want.NVIDIA = "5.14.0-611.el9.x86_64", at
			assert.DeepEqual(t, h.Kernel.Installed, []host.InstalledKernel{c.want})
			assert.Equal(t, h.Unread["modinfo"], c.why)
		})
	}
}

// Only what will be loaded is read: unpacking takes time.
func TestWhichModulesAreRead(t *testing.T) {
	tree := files{"boot/vmlinuz-6.8.0-49-generic": "", "proc/sys/kernel/osrelease": "6.8.0-48-generic\n"}
	for _, release := range []string{"6.8.0-47-generic", "6.8.0-48-generic", "6.8.0-49-generic"} {
		dir := "lib/modules/" + release + "/"
		tree[dir+"modules.dep"], tree[dir+"updates/nvidia.ko"] = "", string(elfModule(modinfo580))
	}
	versions := func(m *machine) (out []string) {
		for _, k := range gather(t.Context(), m, installedSources()).Kernel.Installed {
			out = append(out, k.NVIDIAVersion)
		}
		return out
	}
	assert.DeepEqual(t, versions(fake(t, tree)), []string{"", "580.65.06", "580.65.06"})
	tree["sys/module/nvidia/version"] = "580.65.06\n"
	assert.DeepEqual(t, versions(fake(t, tree)), []string{"", "", "580.65.06"})
	assert.DeepEqual(t, one(t, fake(t, nil), readModinfo), host.Host{})
}

// A packed module that runs as it lies on the disk need not be unpacked: that takes longer
// than all else together, on every host that is well.
func TestAPackedModuleThatRunsIsNotUnpacked(t *testing.T) {
	const dir, release = "lib/modules/6.8.0-49-generic/", "6.8.0-49-generic"
	well := files{
		dir + "modules.dep": "", dir + "updates/nvidia.ko.zst": "no zstd", "boot/vmlinuz-" + release: "", "proc/sys/kernel/osrelease": release + "\n", "sys/module/nvidia/version": "580.65.06\n",
		"proc/stat": fmt.Sprintf("btime %d\n", moment.Add(time.Hour).Unix()), "usr/lib64/libnvidia-ml.so.580.65.06": "",
	}
	for name, c := range map[string]struct {
		change files
		reads  bool
	}{
		"all is well":                        {nil, false},
		"came after the start":               {files{"proc/stat": fmt.Sprintf("btime %d\n", moment.Add(-time.Hour).Unix())}, true},
		"nobody knows when it started":       {files{"proc/stat": ""}, true},
		"other libraries":                    {files{"usr/lib64/libnvidia-ml.so.580.65.06": "→/gone", "usr/lib64/libnvidia-ml.so.580.105.08": ""}, true},
		"another kernel starts next":         {files{"proc/sys/kernel/osrelease": "6.8.0-48-generic\n"}, true},
		"no driver is loaded":                {files{"sys/module/nvidia/version": ""}, true},
		"not packed, which is cheap to read": {files{dir + "updates/nvidia.ko.zst": "→/gone", dir + "updates/nvidia.ko": "no module"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			h := gather(t.Context(), fake(t, with(well, c.change)), installedSources())
			assert.Equal(t, len(h.Kernel.Installed), 1)
			assert.Equal(t, h.Unread["modinfo"] != "", c.reads, "%v", h.Unread)
			if !c.reads {
				assert.DeepEqual(t, h.Kernel.Installed[0], host.InstalledKernel{Release: release, NVIDIA: "/" + dir + "updates/nvidia.ko.zst", NVIDIAVersion: "580.65.06"})
			}
		})
	}
}

func TestUnpackingEndsWithItsLimit(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(elfModule(modinfo580))
	assert.NilError(t, errors.Join(err, w.Close()))
	m := fake(t, files{"lib/nvidia.ko.gz": b.String()})
	_, err = m.module(ctx, "/lib/nvidia.ko.gz")
	assert.ErrorIs(t, err, context.Canceled)
}

func TestSignatures(t *testing.T) {
	plain := elfModule(modinfo580)
	serial, _ := new(big.Int).SetString("1f0a2b3c4d5e6f708192a3b4c5d6e7f801020304", 16)
	read := func(data []byte) (signer, bool) {
		s, signed, err := readSignature(bytes.NewReader(data), int64(len(data)))
		assert.NilError(t, err)
		return s, signed
	}
	s, ok := read(sign(plain, signed(t, "issuer.p7")))
	assert.Assert(t, ok && s.name == keyName && s.serial.Cmp(serial) == 0, "%v", s)
	s, ok = read(sign(plain, signed(t, "keyid.p7")))
	assert.Assert(t, ok && s.serial == nil)
	assert.Equal(t, s.String(), keyID)

	long := sign(plain, signed(t, "issuer.p7"))
	binary.BigEndian.PutUint32(long[len(long)-len(signatureMagic)-4:], 1<<31) // longer than the file
	old := sign(plain, signed(t, "issuer.p7"))
	old[len(old)-len(signatureMagic)-signatureInfo+2] = 1 // PKEY_ID_X509
	for name, data := range map[string][]byte{"longer than the file": long, "of an old kind": old, "empty": sign(plain, nil)} {
		s, ok := read(data)
		assert.Assert(t, ok && s.String() == "", name)
	}
	for name, data := range map[string][]byte{"none": plain, "nothing": nil, "the magic alone": []byte(signatureMagic), "the magic before the end": append(sign(plain, nil), '\n')} {
		_, ok := read(data)
		assert.Assert(t, !ok, name)
	}
}

// Whatever is cut out of a signature, it is refused and nothing breaks.
func TestBrokenSignatures(t *testing.T) {
	for _, name := range []string{"issuer.p7", "keyid.p7"} {
		message := signed(t, name)
		for n := range len(message) {
			if _, err := parseSigner(message[:n]); err == nil {
				t.Fatalf("%s: its first %d bytes are taken", name, n)
			}
		}
	}
}

func FuzzSigner(f *testing.F) {
	f.Add(signed(f, "issuer.p7"))
	f.Add(signed(f, "keyid.p7"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if s, err := parseSigner(data); err == nil {
			_ = s.String()
		}
		_ = certificates(data)
	})
}
