package plugin

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/docker/cli/cli/config"

	"github.com/dockergpu/docker-gpu/internal/bounded"
)

// ignoreName is the file of ignored findings beside the Docker client's config.json.
const ignoreName = ".docker-gpu-ignore"

// ignoreRule is a line of such a file.
type ignoreRule struct {
	Code   string `json:"code"`
	Until  string `json:"until,omitempty"` // "2026-12-31", the last day on which it counts
	Reason string `json:"reason,omitempty"`
}

// expired says whether a rule's last day is over, by the clock on the wall here.
func (r ignoreRule) expired(now time.Time) bool {
	return r.Until != "" && now.Format(time.DateOnly) > r.Until
}

// ignoreRules are those of --ignore-file, or of the file that is there by default.
func (r *doctorRun) ignoreRules() ([]ignoreRule, error) {
	name := r.opts.ignoreFile
	if !r.opts.ignoreFileSet {
		name = filepath.Join(config.Dir(), ignoreName)
	} else if name == "" {
		return nil, nil // --ignore-file= : none
	}
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) && !r.opts.ignoreFileSet {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("--ignore-file: %w", err)
	}
	defer f.Close()
	return parseIgnore(f, name, codesOf(r.checks))
}

// parseIgnore reads lines "CODE [until=DATE] [reason]".
func parseIgnore(r io.Reader, name string, codes []string) ([]ignoreRule, error) {
	data, err := bounded.Read(r, 1<<20)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", name, err)
	}
	var rules []ignoreRule
	n := 0
	for line := range strings.Lines(string(data)) {
		n++
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		rule := ignoreRule{Code: strings.ToUpper(words[0])}
		if !slices.Contains(codes, rule.Code) {
			return nil, fmt.Errorf("%s:%d: %q is no code of a check%s\nSee 'docker gpu doctor --list'", name, n, clean(words[0], 40), didYouMean(words[0], codes))
		}
		if slices.ContainsFunc(rules, func(r ignoreRule) bool { return r.Code == rule.Code }) {
			return nil, fmt.Errorf("%s:%d: %s is there twice: keep one of the lines", name, n, rule.Code)
		}
		words = words[1:]
		if len(words) > 0 {
			if date, ok := strings.CutPrefix(words[0], "until="); ok {
				if _, err := time.Parse(time.DateOnly, date); err != nil {
					return nil, fmt.Errorf("%s:%d: until=%s is no date; write until=2026-12-31", name, n, clean(date, 40))
				}
				rule.Until, words = date, words[1:]
			}
		}
		rule.Reason = clean(strings.Join(words, " "), 200)
		rules = append(rules, rule)
	}
	return rules, nil
}
