package host

import "time"

// Node is a device node below /dev that GPUs are reached by.
type Node struct {
	Path  string `json:"path"` // "/dev/nvidia-uvm"
	Major int    `json:"major"`
	Minor int    `json:"minor"`
	Mode  uint32 `json:"mode"` // permission bits
	UID   int    `json:"uid"`
	GID   int    `json:"gid"`
}

// Toolkit is the NVIDIA Container Toolkit.
type Toolkit struct {
	// Version is that of nvidia-ctk, "1.20.1"; empty where it is not installed.
	Version string `json:"version,omitempty"`
	// Binaries are those found on the engine's search path: "nvidia-cdi-hook" → path.
	Binaries map[string]string `json:"binaries,omitempty"`
	// Config are the values of config.toml that matter: "nvidia-container-cli.no-cgroups" → "true".
	Config map[string]string `json:"config,omitempty"`
	// ConfigError is why config.toml cannot be used, "".
	ConfigError string `json:"configError,omitempty"`
	// Installed is when the newest of Binaries came onto the disk (its inode's change
	// time): an engine that started before it knows nothing of it.
	Installed time.Time `json:"installed,omitzero"`
	// OCIHook is the path of a leftover oci-nvidia-hook.json, "" if there is none.
	OCIHook string `json:"ociHook,omitempty"`
	// Sources are package sources that name NVIDIA's repositories, by file.
	Sources []string `json:"sources,omitempty"`
	// Repositories are the entries in those files, one for each that is not commented out.
	Repositories []Repository `json:"repositories,omitempty"`
}

// Repository is an entry of a package source.
type Repository struct {
	File string `json:"file"` // "/etc/apt/sources.list.d/nvidia-container-toolkit.list"
	URI  string `json:"uri"`  // "https://nvidia.github.io/libnvidia-container/stable/deb/amd64"
	// SignedBy is the key file that it names, File where the key stands in it; "" if none.
	SignedBy string `json:"signedBy,omitempty"`
}

// CDI is what the Container Device Interface's directories hold.
type CDI struct {
	Dirs  []string  `json:"dirs,omitempty"`
	Specs []CDISpec `json:"specs,omitempty"`
}

// CDISpec is one spec file.
type CDISpec struct {
	Path string `json:"path"`
	// Error is why it cannot be read, "".
	Error   string    `json:"error,omitempty"`
	Schema  string    `json:"schema,omitempty"` // cdiVersion, "0.7.0"
	Kind    string    `json:"kind,omitempty"`   // "nvidia.com/gpu"
	Changed time.Time `json:"changed,omitzero"`
	// Devices are the names that it defines, "0", "GPU-…", "all".
	Devices []string `json:"devices,omitempty"`
	// DriverVersion is the one in the libraries' names, "" if they name none.
	DriverVersion string `json:"driverVersion,omitempty"`
	// Paths are the host's files that it wants: libraries, sockets, hooks.
	Paths []CDIPath `json:"paths,omitempty"`
	// Nodes are the device nodes that it hands over.
	Nodes []CDINode `json:"nodes,omitempty"`
	// Fields are names of fields that older engines do not know: "additionalGids".
	Fields []string `json:"fields,omitempty"`
}

// CDIPath is a file that a spec wants.
type CDIPath struct {
	Path string `json:"path"`
	// Use is "mount" or "hook".
	Use string `json:"use"`
	// Missing says that it is not on the host.
	Missing bool `json:"missing,omitempty"`
}

// CDINode is a device node that a spec hands over. Major and Minor are nil where
// the spec leaves them to the host.
type CDINode struct {
	Path   string `json:"path"`
	Device string `json:"device,omitempty"` // that it belongs to; "" for all
	Major  *int   `json:"major,omitempty"`
	Minor  *int   `json:"minor,omitempty"`
	// Missing says that the host has no such node.
	Missing bool `json:"missing,omitempty"`
}

// Engine is the Docker Engine.
type Engine struct {
	// Error is why it does not answer, "" if it does.
	Error string `json:"error,omitempty"`
	// Version is "29.7.2"; empty where no engine answers.
	Version  string `json:"version,omitempty"`
	API      string `json:"api,omitempty"`
	ID       string `json:"id,omitempty"`
	OS       string `json:"os,omitempty"`       // as it says: "Docker Desktop", "Ubuntu 24.04 LTS"
	Arch     string `json:"arch,omitempty"`     // of its machine, as Go names it: "amd64"
	Endpoint string `json:"endpoint,omitempty"` // "unix:///var/run/docker.sock"
	// Kind is "docker", "desktop", "podman" or "snap".
	Kind     string `json:"kind,omitempty"`
	Rootless bool   `json:"rootless,omitempty"`
	UserNS   bool   `json:"userns,omitempty"`
	// Store is "containerd" or the old store's driver: "overlay2".
	Store string `json:"store,omitempty"`
	Root  string `json:"root,omitempty"` // DockerRootDir
	// Runtimes are name → path or type; DefaultRuntime one of them.
	Runtimes       map[string]string `json:"runtimes,omitempty"`
	DefaultRuntime string            `json:"defaultRuntime,omitempty"`
	RuncVersion    string            `json:"runcVersion,omitempty"`
	CgroupDriver   string            `json:"cgroupDriver,omitempty"` // "systemd", "cgroupfs"
	CgroupVersion  string            `json:"cgroupVersion,omitempty"`
	LiveRestore    bool              `json:"liveRestore,omitempty"`
	// CDIDirs are the directories that it looks into; CDIDevices what it found.
	CDIDirs    []string `json:"cdiDirs,omitempty"`
	CDIDevices []string `json:"cdiDevices,omitempty"`
	Warnings   []string `json:"warnings,omitempty"`
	Security   []string `json:"security,omitempty"` // SecurityOptions
	// PID and Started are dockerd's, where it runs here; Path is its PATH.
	PID     int       `json:"pid,omitempty"`
	Started time.Time `json:"started,omitzero"`
	Path    string    `json:"path,omitempty"`
	// Binary is dockerd's file; Args its command line.
	Binary string   `json:"binary,omitempty"`
	Args   []string `json:"args,omitempty"`
	// ConfigFile is daemon.json; Config its text, ConfigError why it cannot be used.
	ConfigFile  string `json:"configFile,omitempty"`
	Config      string `json:"config,omitempty"`
	ConfigError string `json:"configError,omitempty"`
	// ConfigChanged is when ConfigFile was written last.
	ConfigChanged time.Time `json:"configChanged,omitzero"`
	// Containers are those with a GPU, running or not.
	Containers []Container `json:"containers,omitempty"`
	Running    int         `json:"running,omitempty"` // containers in all
	// Skipped are containers that were not looked at, because that would have taken too
	// long; those that run come first.
	Skipped int   `json:"skipped,omitempty"`
	Swarm   Swarm `json:"swarm,omitzero"`
	// Client is the Docker CLI's version, "" where it was not asked.
	Client string `json:"client,omitempty"`
	// Hooks say how the CLI's configuration names this plugin: "hooks", "error-hooks"; where
	// it does, "features.hooks" is "true" if it calls any plugin's hooks at all.
	Hooks map[string]string `json:"hooks,omitempty"`
}

// Container is one that has a GPU, or asks for one.
type Container struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Image   string    `json:"image"`
	State   string    `json:"state"` // "running", "exited"
	Started time.Time `json:"started,omitzero"`
	Exit    int       `json:"exit,omitempty"`
	// Error is why it could not be started, as the engine says it; "" if it could.
	Error string `json:"error,omitempty"`
	// Restart is its restart policy, "always", "unless-stopped", "on-failure"; "" for none.
	Restart string `json:"restart,omitempty"`
	// Route is "cdi", "hook", "runtime" or "" if that cannot be told.
	Route string `json:"route,omitempty"`
	// GPUs are what it asks for: "all", "2", UUIDs, CDI names.
	GPUs []string `json:"gpus,omitempty"`
	// Service and Project are Compose's, empty elsewhere.
	Service string `json:"service,omitempty"`
	Project string `json:"project,omitempty"`
	Shm     int64  `json:"shm,omitempty"` // bytes
	// Capabilities is NVIDIA_DRIVER_CAPABILITIES, "" if not set.
	Capabilities string `json:"capabilities,omitempty"`
	// IPC is its IPC mode where it is not its own: "host", "container:ID".
	IPC string `json:"ipc,omitempty"`
	// Memlock is its own limit of locked memory in bytes, -1 for unlimited, 0 if not set.
	Memlock int64 `json:"memlock,omitempty"`
	// Env are the variables that GPUs go by, image and container together: NVIDIA_*
	// and CUDA_VERSION. Labels are those that begin with io.github.dockergpu.
	Env    map[string]string `json:"env,omitempty"`
	Labels map[string]string `json:"labels,omitempty"`
}

// Swarm is the engine's part in a swarm.
type Swarm struct {
	// State is "active" or "inactive"; Manager says that it is a manager.
	State   string `json:"state,omitempty"`
	Manager bool   `json:"manager,omitempty"`
	// GPUs are the generic resources that the node offers: "NVIDIA-GPU=GPU-1…".
	GPUs []string `json:"gpus,omitempty"`
}
