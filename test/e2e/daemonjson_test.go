//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/daemonjson"
)

// validate is what the real dockerd says of a daemon.json and flags, "" if it takes them.
func (v variant) validate(t testing.TB, text []byte, flags ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "daemon.json")
	assert.NilError(t, os.WriteFile(file, text, 0o600))
	c := exec.Command(v.program("dockerd"), append([]string{"--validate", "--config-file", file}, flags...)...)
	c.Env = v.env // dockerd looks for docker-proxy on its PATH
	out, err := c.CombinedOutput()
	if err != nil {
		return strings.ReplaceAll(err.Error()+": "+string(out), file, "daemon.json")
	}
	return ""
}

// What is made of a file that dockerd takes is one that it takes, over the whole corpus;
// and what is read as JSON is what dockerd reads as JSON.
func TestDaemonJSONIsValidForDockerd(t *testing.T) {
	v := on(t, "containerd")
	dir := filepath.Join(repo(t), "hostsetup/daemonjson/testdata")
	var wishes map[string][]daemonjson.Edit
	assert.NilError(t, json.Unmarshal([]byte(read(t, dir, "wishes.json")), &wishes))
	files, err := filepath.Glob(filepath.Join(dir, "corpus/*.json"))
	assert.NilError(t, err)
	taken, edited := 0, 0
	for _, file := range files {
		text := []byte(read(t, file))
		t.Run(filepath.Base(file), func(t *testing.T) {
			refusal := v.validate(t, text)
			if _, err := daemonjson.Read(text); err != nil {
				// UTF-16 and a form feed around the object are refused here alone.
				if refusal == "" && !slices.Contains([]string{"utf16.runtime.json", "form-feed.runtime.json"}, filepath.Base(file)) {
					t.Errorf("dockerd reads it: %v", err)
				}
				return
			}
			assert.Assert(t, !strings.Contains(refusal, "invalid JSON: invalid character") && !strings.Contains(refusal, "unexpected end"), refusal)
			if refusal != "" {
				t.Logf("dockerd does not take it: %s", refusal)
				return
			}
			taken++
			for wish, edits := range wishes {
				after, err := daemonjson.Apply(text, edits)
				if err != nil {
					t.Logf("%s: %v", wish, err)
					continue
				}
				edited++
				assert.Equal(t, v.validate(t, after), "", "%s: %s", wish, after)
			}
		})
	}
	t.Logf("dockerd takes %d of %d files; %d edits of those", taken, len(files), edited)
	assert.Assert(t, taken >= 40 && edited >= 4*40, "%d taken, %d edited", taken, edited)
}

// dockerd refuses the same keys and flags together as we do.
func TestDaemonJSONAndFlags(t *testing.T) {
	v := on(t, "containerd")
	for _, c := range []struct {
		text  string
		flags []string
	}{
		{`{"features": {"cdi": true}}`, []string{"--feature", "cdi=true"}},
		{`{"runtimes": {"nvidia": {"path": "x"}}}`, []string{"--add-runtime", "nvidia=/y"}},
		{`{"default-runtime": "runc"}`, []string{"--default-runtime=runc"}},
		{`{"live-restore": false}`, []string{"--live-restore"}},
		{`{"node-generic-resources": ["NVIDIA-GPU=GPU-1"]}`, []string{"--node-generic-resource", "NVIDIA-GPU=GPU-1"}},
		{`{"cdi-spec-dirs": ["/etc/cdi"]}`, []string{"--cdi-spec-dir", "/etc/cdi"}},
		{`{"hosts": ["unix:///x"]}`, []string{"-Hunix:///y"}},
		{`{"hosts": ["unix:///x"]}`, []string{"--host=unix:///y"}},
		{`{"debug": true}`, []string{"-Dl", "info"}},
		{`{"log-level": "info"}`, []string{"-Dl", "info"}},
		{`{"group": "docker"}`, []string{"-G", "docker"}},
		{`{"bridge": "none"}`, []string{"-b", "none"}},
		{`{"storage-driver": "overlay2"}`, []string{"-s", "overlay2"}},
		{`{"pidfile": "/x"}`, []string{"-p", "/x"}},
		{`{"insecure-registries": ["a:5000"]}`, []string{"--insecure-registry", "b:5000"}},
		{`{"registry-mirrors": ["https://a"]}`, []string{"--registry-mirror", "https://b"}},
		{`{"default-ulimits": {}}`, []string{"--default-ulimit", "nofile=1024"}},
		{`{"default-address-pools": [{"base": "10.0.0.0/8", "size": 24}]}`, []string{"--default-address-pool", "base=10.0.0.0/8,size=24"}},
		{`{"dns-opts": ["ndots:1"]}`, []string{"--dns-opt", "ndots:1"}},
		{`{"dns-search": ["a.example.com"]}`, []string{"--dns-search", "b.example.com"}},
		{`{"exec-opts": ["native.cgroupdriver=systemd"]}`, []string{"--exec-opt", "native.cgroupdriver=systemd"}},
		{`{"log-opts": {"max-size": "1m"}}`, []string{"--log-opt", "max-size=1m"}},
		{`{"labels": ["a=b"]}`, []string{"--label=c=d"}},
		{`{"storage-opts": []}`, []string{"--storage-opt", "size=1G"}},
		{`{"authorization-plugins": []}`, []string{"--authorization-plugin", "x"}},
		{`{"host-gateway-ips": ["10.0.0.1"]}`, []string{"--host-gateway-ip", "10.0.0.2"}},
		{`{"host-gateway-ip": "10.0.0.1"}`, []string{"--host-gateway-ip", "10.0.0.2"}},
		{`{"default-network-opts": {}}`, []string{"--default-network-opt", "bridge=com.docker.network.driver.mtu=1400"}},
		{`{"extension-dirs": ["/x"]}`, []string{"--extension-dir", "/x"}},
		{`{"nri-opts": {"enable": false}}`, []string{"--nri-opts", "enable=false"}},
		{`{"proxies": {"no-proxy": "x"}}`, []string{"--no-proxy=y"}},
		{`{"proxies": {"http-proxy": "http://x"}}`, []string{"--no-proxy=y"}},
		{`{"data-root": "/x"}`, []string{"--data-root", "/y"}},
		{`{"containerd": "/x"}`, []string{"--containerd=/run/containerd/containerd.sock"}},
		{`{"debug": true}`, []string{"-H", "fd://", "--containerd=/run/containerd/containerd.sock"}},
		{`{"features": {"cdi": true}, "runtimes": {}, "live-restore": true}`, []string{"-H", "fd://", "--log-level", "info", "--mtu=1450"}},
	} {
		t.Run(c.text+" "+strings.Join(c.flags, " "), func(t *testing.T) {
			refusal := v.validate(t, []byte(c.text), c.flags...)
			const both = "specified both as a flag and in the configuration file"
			assert.Assert(t, refusal == "" || strings.Contains(refusal, both), refusal)
			conflicts := daemonjson.Conflicts([]byte(c.text), append([]string{"/usr/bin/dockerd"}, c.flags...))
			assert.Equal(t, len(conflicts) > 0, refusal != "", "%v, and dockerd: %s", conflicts, refusal)
		})
	}
}
