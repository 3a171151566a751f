package doctor

import (
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

func fleet(t testing.TB, n int) []*host.Host {
	names := dockerRecordings(t)
	var hosts []*host.Host
	for i := range n {
		hosts = append(hosts, recorded(t, names[i%len(names)]))
	}
	return hosts
}

// 500 hosts are judged in at most a second (issue 3, §5).
func TestFiveHundredHostsInASecond(t *testing.T) {
	hosts := fleet(t, 500)
	start := time.Now()
	found := 0
	for _, h := range hosts {
		found += len(Examine(h, All(), judgedAt()).Findings)
	}
	took := time.Since(start)
	t.Logf("500 hosts, %d findings in %v", found, took)
	assert.Assert(t, found > 500)
	assert.Assert(t, took <= slower*time.Second, "500 hosts took %v", took)
}

func BenchmarkExamine500(b *testing.B) {
	hosts := fleet(b, 500)
	for b.Loop() {
		for _, h := range hosts {
			Examine(h, All(), judgedAt())
		}
	}
}

func BenchmarkExplain(b *testing.B) {
	h := recorded(b, "broken-toolkit-missing")
	for b.Loop() {
		Explain(`could not select device driver "" with capabilities: [[gpu]]`, h, judgedAt())
	}
}
