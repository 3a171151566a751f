package probe

import (
	"context"
	"errors"
	"path"
	"regexp"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// nvidiaHosts are where NVIDIA's package sources are.
var nvidiaHosts = regexp.MustCompile(`https?://(?:nvidia\.github\.io|developer\.download\.nvidia\.(?:com|cn))/[^\s,\]"']*`)

var signedBy = regexp.MustCompile(`(?i)signed-by\s*[=:]\s*([^\s,\]]+)`)

// readRepositories lists package sources that name NVIDIA's.
func readRepositories(_ context.Context, m *machine) (fill, error) {
	var files []string
	var repositories []host.Repository
	var failed error
	for _, in := range []struct{ dir, pattern string }{
		{"/etc/apt", "sources.list"}, {"/etc/apt/sources.list.d", "*.list"}, {"/etc/apt/sources.list.d", "*.sources"},
		{"/etc/yum.repos.d", "*.repo"}, {"/etc/zypp/repos.d", "*.repo"},
	} {
		names, err := m.root.list(in.dir, in.pattern)
		failed = errors.Join(failed, unreadable(in.dir, err))
		for _, name := range names {
			file := path.Join(in.dir, name)
			data, err := m.root.read(file, mostText)
			if err != nil {
				failed = errors.Join(failed, unreadable(file, err))
				continue
			}
			if found := repositoriesIn(file, string(data)); len(found) > 0 {
				files, repositories = append(files, file), append(repositories, found...)
			}
		}
	}
	return func(h *host.Host) { h.Toolkit.Sources, h.Toolkit.Repositories = files, repositories }, failed
}

// repositoriesIn are the entries of a file in apt's two forms or in yum's. In those
// with paragraphs the key and the switch may stand after the address.
func repositoriesIn(file, text string) (found []host.Repository) {
	if path.Ext(file) == ".list" {
		for line := range strings.Lines(text) {
			if line = strings.TrimSpace(line); strings.HasPrefix(line, "deb") {
				found = append(found, entries(file, line)...)
			}
		}
		return found
	}
	var part []string
	end := func() {
		if text := strings.Join(part, "\n"); !disabled.MatchString(text) {
			found = append(found, entries(file, text)...)
		}
		part = nil
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" && path.Ext(file) == ".sources" || strings.HasPrefix(line, "[") {
			end()
		}
		// What else names an address is the key's.
		key, _, _ := strings.Cut(strings.ToLower(line), ":")
		if yum, _, ok := strings.Cut(strings.ToLower(line), "="); ok && !strings.Contains(yum, ":") {
			key = yum
		}
		switch strings.TrimSpace(key) {
		case "uris", "baseurl", "signed-by", "enabled":
			part = append(part, line)
		}
	}
	end()
	return found
}

var disabled = regexp.MustCompile(`(?im)^enabled\s*[:=]\s*(0|no|false)\s*$`)

func entries(file, text string) (found []host.Repository) {
	key := ""
	if k := signedBy.FindStringSubmatch(text); k != nil {
		key = k[1]
	}
	for _, uri := range nvidiaHosts.FindAllString(text, 20) {
		found = append(found, host.Repository{File: file, URI: uri, SignedBy: key})
	}
	return found
}
