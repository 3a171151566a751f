package probe

import (
	"context"
	"encoding/binary"
	"errors"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// mostBridges is above what lies over the GPUs of any machine: 16 GPUs, four levels.
const mostBridges = 256

// readACS finds bridges that send traffic between GPUs through the root complex. One GPU
// has nobody to talk to.
func readACS(ctx context.Context, m *machine) (fill, error) {
	names, _ := m.root.list(pciDevices, "*") // the bus's own source says why it could not be read
	var above []string
	gpus := 0
	for _, name := range names {
		dir := path.Join(pciDevices, name)
		if ctx.Err() == nil && bareHex(m.root.text(dir+"/vendor")) == nvidiaVendor && strings.HasPrefix(bareHex(m.root.text(dir+"/class")), "03") {
			gpus++
			above = append(above, bridges(m.root, dir)...)
		}
	}
	slices.Sort(above)
	if above = slices.Compact(above); gpus < 2 {
		return nil, nil
	}
	var on []string
	hidden := false
	for _, address := range above[:min(len(above), mostBridges)] {
		config, err := m.root.read(path.Join(pciDevices, address, "config"), 4096)
		redirects, known := acs(config)
		if hidden = hidden || err != nil || !known; redirects {
			on = append(on, address)
		}
	}
	var failed error
	if hidden {
		// The kernel shows other users the first 64 bytes only, and the bits lie behind 256.
		failed = errors.New("the ACS bits of PCI bridges cannot be read: run with sudo")
	}
	return func(h *host.Host) { h.Kernel.ACS = on }, failed
}

var pciName = regexp.MustCompile(`^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$`)

// bridges are the devices above one: the folders of sysfs that its own lies in.
func bridges(r root, device string) (above []string) {
	at, err := r.path(device)
	if err != nil {
		return nil
	}
	for _, part := range strings.Split(path.Dir(at), "/") {
		if pciName.MatchString(part) {
			above = append(above, part)
		}
	}
	return above
}

// Places in a device's configuration space (PCI Local Bus 3.0 section 6.1, PCI Express Base
// 6.0 sections 7.5.3, 7.6.3 and 7.7.11).
const (
	pciStatus       = 0x06 // bit 4: there is a list of capabilities
	pciCapabilities = 0x34
	pciExpress      = 0x10  // capability
	pciExtended     = 0x100 // where extended capabilities begin
	pciACS          = 0x0d  // extended capability
	acsControl      = 6     // in it
	acsReqRedir     = 1 << 2
	acsCmpltRedir   = 1 << 3
	downstreamPort  = 6 // of a switch
)

// acs says whether a bridge's Access Control Services redirect what its devices send to
// each other. Only the downstream ports of a switch make a detour of it: below a root port
// the way leads through the root complex anyhow. known is false of a configuration that is cut off.
func acs(config []byte) (redirects, known bool) {
	if len(config) < 64 {
		return false, false
	}
	port, known := portType(config)
	if !known || port != downstreamPort {
		return false, known
	}
	if len(config) <= pciExtended {
		return false, false // a switch's port has more
	}
	seen := map[int]bool{}
	for at := pciExtended; at >= pciExtended && at+acsControl+2 <= len(config) && !seen[at]; {
		seen[at] = true
		head := binary.LittleEndian.Uint32(config[at:])
		if head == 0 || head == 1<<32-1 {
			break
		}
		if head&0xffff == pciACS {
			return binary.LittleEndian.Uint16(config[at+acsControl:])&(acsReqRedir|acsCmpltRedir) != 0, true
		}
		at = int(head >> 20 & 0xffc)
	}
	return false, true
}

// portType is what kind of port a bridge is; 0 where it has no PCI Express at all.
func portType(config []byte) (port int, known bool) {
	if config[pciStatus]&(1<<4) == 0 {
		return 0, true
	}
	seen := map[int]bool{}
	for at := int(config[pciCapabilities] &^ 3); at != 0 && !seen[at]; {
		if at+4 > len(config) {
			return 0, false
		}
		seen[at] = true
		if config[at] == pciExpress {
			return int(config[at+2] >> 4), true
		}
		at = int(config[at+1] &^ 3)
	}
	return 0, true
}
