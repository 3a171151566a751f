package setup

import "github.com/dockergpu/docker-gpu/hostsetup/daemonjson"

// Op is what a step does: exactly one of its fields is set. What each takes back is said
// beside it; package apply notes what was there before it changes anything.
type Op struct {
	File     *File     `json:"file,omitempty"`
	Key      *Key      `json:"key,omitempty"`
	Packages *Packages `json:"packages,omitempty"`
	Hold     *Hold     `json:"hold,omitempty"`
	Programs *Programs `json:"programs,omitempty"`
	Daemon   *Daemon   `json:"daemon,omitempty"`
	CDI      *CDI      `json:"cdi,omitempty"`
	Unit     *Unit     `json:"unit,omitempty"`
	Module   *Module   `json:"module,omitempty"`
	Toolkit  *Toolkit  `json:"toolkit,omitempty"`
	Hooks    *Hooks    `json:"hooks,omitempty"`
	Reboot   *Reboot   `json:"reboot,omitempty"`
}

// File puts a file in its place, whole and atomically, or takes it away. Undo: the former
// content, mode and owner, or no file.
type File struct {
	Path string `json:"path"` // absolute
	// Mode is its permission bits, 0644 if zero; a file that was there keeps its owner.
	Mode    uint32 `json:"mode,omitempty"`
	Content string `json:"content,omitempty"`
	Absent  bool   `json:"absent,omitempty"`
}

// Key fetches a signing key over https, compares its fingerprint and puts it in its place.
// A key that has another one stops everything. Undo: as a File.
type Key struct {
	URL string `json:"url"`
	// Fingerprints are those of the primary keys it may have, 40 hexadecimal digits.
	Fingerprints []string `json:"fingerprints"`
	// Path is where it goes, ASCII-armoured as it comes: "/etc/apt/keyrings/docker.asc". Empty
	// with RPM: it goes into rpm's own keyring.
	Path string `json:"path,omitempty"`
	RPM  bool   `json:"rpm,omitempty"`
}

// Packages installs and removes packages with the distribution's package manager. Undo:
// what came goes, also what came along; what went or was replaced comes back at its version.
type Packages struct {
	Manager string `json:"manager"` // "apt", "dnf", "zypper"
	// Refresh reads the lists of packages first.
	Refresh bool      `json:"refresh,omitempty"`
	Install []Package `json:"install,omitempty"`
	Remove  []string  `json:"remove,omitempty"`
	// Modules are dnf's module streams to enable before: "nvidia-driver:580-open".
	Modules []string `json:"modules,omitempty"`
	// Dir is a folder of package files to install from instead of the sources (--offline).
	Dir string `json:"dir,omitempty"`
	// Origin says for people where they come from.
	Origin string `json:"origin,omitempty"`
}

// Package is one to install; Version "" takes the candidate, one that ends in "*" the newest
// that begins so.
type Package struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
}

// Hold keeps packages from upgrades, also unattended ones: apt-mark hold, dnf's
// versionlock, zypper's addlock. Undo: released, if they were not held before.
type Hold struct {
	Manager string `json:"manager"`
	// Packages are names or patterns (path.Match), which mean those that are installed then:
	// what came along with a package has to stay with it.
	Packages []string `json:"packages"`
}

// Programs copies the toolkit's programs out of a folder, for machines without a network
// or a package (--toolkit-path). Undo: each as a File.
type Programs struct {
	From  string   `json:"from"`  // folder
	To    string   `json:"to"`    // "/usr/bin"
	Names []string `json:"names"` // "nvidia-ctk", "nvidia-cdi-hook"
	// Sums are their SHA-256 sums as they were planned, by name.
	Sums map[string]string `json:"sums"`
}

// Daemon edits daemon.json, checks the result with dockerd --validate where there is one,
// and changes no other byte. It takes effect with a Unit step behind it. Undo: as a File.
type Daemon struct {
	Path  string `json:"path"` // "/etc/docker/daemon.json"
	Edits []Edit `json:"edits"`
	// Dockerd is the program that validates, "" where there is none.
	Dockerd string `json:"dockerd,omitempty"`
}

// Edit sets the member at a path of keys, or removes it where there is no Value.
type Edit = daemonjson.Edit

// CDI writes the spec of this machine's GPUs by nvidia-ctk, and compares it with the
// machine. Undo: as a File.
type CDI struct {
	Output string `json:"output"` // "/var/run/cdi/nvidia.yaml"
	// Tool is nvidia-ctk's path; a step before may bring it.
	Tool string `json:"tool"`
}

// Unit changes a systemd unit's state. Undo: enabled and active as before; a reload or
// restart is made again, so that what was put back counts.
type Unit struct {
	Name string `json:"name"` // "docker.service"
	// Do is "enable" (and start), "start", "reload", "restart".
	Do   string `json:"do"`
	User bool   `json:"user,omitempty"` // of the user's own systemd (rootless)
	// PID is signalled with SIGHUP instead where no systemd runs the daemon; "reload" only.
	PID int `json:"pid,omitempty"`
}

// Module loads a kernel module, or makes device nodes by nvidia-modprobe where Nodes is
// set. Undo: nothing; a loaded module disturbs nobody.
type Module struct {
	Name  string `json:"name"` // "nvidia"
	Nodes bool   `json:"nodes,omitempty"`
}

// Toolkit sets values of the toolkit's config.toml by nvidia-ctk. Undo: the file as before.
type Toolkit struct {
	Path string            `json:"path"` // "/etc/nvidia-container-runtime/config.toml"
	Tool string            `json:"tool"`
	Set  map[string]string `json:"set"` // "swarm-resource" → "DOCKER_RESOURCE_GPU"
}

// Hooks puts the plugin's hook into the user's Docker client configuration, as `docker
// gpu hooks enable` does. Undo: as `docker gpu hooks disable` does. Never as root for
// another user.
type Hooks struct {
	Path string `json:"path"` // "/home/me/.docker/config.json"
}

// Reboot is where a plan waits: the user reboots, `setup --resume` goes on. Nothing
// reboots by itself.
type Reboot struct {
	Why string `json:"why"`
	// Boot is the boot that the machine must have left behind (/proc/sys/kernel/random/boot_id).
	Boot string `json:"boot,omitempty"`
}
