package probe

import (
	"context"
	"errors"
	"path"
	"regexp"
	"strings"
	"unicode"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// nvidiaHosts are where NVIDIA's package sources are.
var nvidiaHosts = regexp.MustCompile(`https?://(?:nvidia\.github\.io|developer\.download\.nvidia\.(?:com|cn))/[^\s,\]"']*`)

// signedBy is the key in a line's options: "[arch=amd64 signed-by=/usr/share/keyrings/x.gpg]".
var signedBy = regexp.MustCompile(`(?i)signed-by=([^\s,\]]+)`)

// readRepositories lists package sources that name NVIDIA's.
func readRepositories(_ context.Context, m *machine) (fill, error) {
	var files []string
	var repositories []host.Repository
	var failed error
	for _, in := range []struct{ dir, pattern string }{
		{"/etc/apt", "sources.list"}, {"/etc/apt/sources.list.d", "*.list"}, {"/etc/apt/sources.list.d", "*.sources"},
		{"/etc/yum.repos.d", "*.repo"}, {"/etc/zypp/repos.d", "*.repo"},
	} {
		names, err := m.root.configs(in.dir, in.pattern)
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

// repositoriesIn are the entries of a file in apt's two forms or in yum's.
func repositoriesIn(file, text string) (found []host.Repository) {
	if path.Ext(file) == ".list" {
		for line := range strings.Lines(text) {
			if line = strings.TrimSpace(line); !strings.HasPrefix(line, "deb") {
				continue
			}
			key := ""
			if k := signedBy.FindStringSubmatch(line); k != nil {
				key = k[1]
			}
			found = append(found, entries(file, line, key)...)
		}
		return found
	}
	for _, p := range paragraphs(text, path.Ext(file) == ".sources") {
		switch strings.ToLower(p["enabled"]) {
		case "0", "no", "false", "off":
			continue
		}
		key := ""
		if names := strings.FieldsFunc(p["signed-by"], func(c rune) bool { return c == ',' || unicode.IsSpace(c) }); len(names) > 0 {
			key = names[0]
		}
		if strings.Contains(p["signed-by"], "-----BEGIN") {
			key = file // the key itself stands there
		}
		found = append(found, entries(file, p["uris"]+" "+p["baseurl"], key)...)
	}
	return found
}

// paragraphs are the parts of a file in the form of deb822(5), with blank lines between
// them, or of yum.conf(5), with a name in brackets before each: the keys, in lower case, and
// what they say. A line that begins with a blank goes on with the one before.
func paragraphs(text string, deb822 bool) (parts []map[string]string) {
	separator := "="
	if deb822 {
		separator = ":"
	}
	part, last := map[string]string{}, ""
	for line := range strings.Lines(text) {
		bare := strings.TrimSpace(line)
		switch {
		case bare == "" && deb822, strings.HasPrefix(line, "["):
			parts, part, last = append(parts, part), map[string]string{}, ""
		case bare == "" || bare[0] == '#' || bare[0] == ';':
		case bare != strings.TrimRight(line, " \t\r\n"):
			if last != "" {
				part[last] += "\n" + bare
			}
		default:
			key, value, _ := strings.Cut(bare, separator)
			last = strings.ToLower(strings.TrimSpace(key))
			part[last] = strings.TrimSpace(value)
		}
	}
	return append(parts, part)
}

func entries(file, text, key string) (found []host.Repository) {
	for _, uri := range nvidiaHosts.FindAllString(text, 20) {
		found = append(found, host.Repository{File: file, URI: uri, SignedBy: key})
	}
	return found
}
