package policy

// SigningKey signs a package repository. A key that is fetched and has another
// fingerprint is not used.
type SigningKey struct {
	// ID is ours: "docker-deb".
	ID  string
	URL string
	// Fingerprints are of the primary keys that it may be, 40 hexadecimal digits.
	Fingerprints []string
	Source       string
	Date         string
}

// SigningKeys lists them. To refresh: fetch each URL, `gpg --show-keys --with-fingerprint`,
// and compare with what the maker and others publish elsewhere.
func SigningKeys() []SigningKey {
	const (
		docker  = "docs.docker.com, install pages, of Debian and RHEL"
		toolkit = "nvidia.github.io/libnvidia-container/gpgkey, as ten independent repositories have it"
		cuda    = "NVIDIA's driver installation guide, as several independent repositories have it"
		date    = "2026-11-23"
	)
	return []SigningKey{
		{"docker-deb", "https://download.docker.com/linux/debian/gpg", []string{"9DC858229FC7DD38854AE2D88D81803C0EBFCD88"}, docker, date},
		{"docker-rpm", "https://download.docker.com/linux/centos/gpg", []string{"060A61C51B558A7F742B77AAC52FEB6B621E9F35"}, docker, date},
		{"toolkit", ToolkitRepository + "gpgkey", []string{"C95B321B61E88C1809C4F759DDCAE044F796ECB0"}, toolkit, date},
		{"cuda-deb", "3bf863cc.pub", []string{"EB693B3035CD5710E231E123A4B469963BF863CC"}, cuda, date},
		{"cuda-debian13", "8793F200.pub", []string{"02182E60104FCDC26EAE1B8597A5D4CB8793F200"}, cuda, date},
		{"cuda-rpm", "D42D0685.pub", []string{"610C7B14E068A878070DA4E99CD0A493D42D0685"}, cuda, date},
	}
}

// KeyOf is the key of an id. Those of the CUDA repositories lie in each repository: their
// URL is relative to it.
func KeyOf(id string) (SigningKey, bool) {
	for _, k := range SigningKeys() {
		if k.ID == id {
			return k, true
		}
	}
	return SigningKey{}, false
}

// Where packages lie. Sources: NVIDIA's driver installation guide R620 and Container Toolkit
// install guide, Docker's install pages; 2026-11-23.
const (
	CUDARepositories  = "https://developer.download.nvidia.com/compute/cuda/repos/"
	ToolkitRepository = "https://nvidia.github.io/libnvidia-container/"
	DockerRepository  = "https://download.docker.com/linux/"
)
