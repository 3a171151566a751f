package cuda

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// Device is a GPU, or a MIG device, that this process may use.
type Device struct {
	driver *Driver
	handle int32

	Index  int
	Name   string // "NVIDIA H200"
	UUID   string // "GPU-5c06…" or "MIG-…"
	PCI    string // "0000:65:00.0"
	Major  int    // of the compute capability
	Minor  int
	Memory uint64 // bytes
}

// Values of CUdevice_attribute, of cuda.h.
const (
	attributeMajor = 75 // CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR
	attributeMinor = 76 // CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR
)

// Devices are the devices that CUDA shows, in its order. With an error come those that
// could be described before it.
func (d *Driver) Devices() ([]Device, error) {
	var count int32
	if err := d.check("cuDeviceGetCount", d.api.deviceGetCount(&count)); err != nil {
		return nil, err
	}
	var devices []Device
	for i := range int(count) {
		device, err := d.device(i)
		if err != nil {
			return devices, fmt.Errorf("GPU %d: %w", i, err)
		}
		devices = append(devices, device)
	}
	return devices, nil
}

func (d *Driver) device(index int) (Device, error) {
	dev := Device{driver: d, Index: index}
	if err := d.check("cuDeviceGet", d.api.deviceGet(&dev.handle, int32(index))); err != nil {
		return dev, err
	}
	var text [256]byte
	if err := d.check("cuDeviceGetName", d.api.deviceGetName(&text[0], int32(len(text)), dev.handle)); err != nil {
		return dev, err
	}
	dev.Name = upToZero(text[:])
	var id [16]byte
	if err := d.check("cuDeviceGetUuid", d.api.deviceGetUUID(&id, dev.handle)); err != nil {
		return dev, err
	}
	dev.UUID = uuid(id, dev.Name)
	clear(text[:])
	if err := d.check("cuDeviceGetPCIBusId", d.api.deviceGetPCIBusID(&text[0], int32(len(text)), dev.handle)); err != nil {
		return dev, err
	}
	dev.PCI = strings.ToLower(upToZero(text[:]))
	for attribute, value := range map[int32]*int{attributeMajor: &dev.Major, attributeMinor: &dev.Minor} {
		var v int32
		if err := d.check("cuDeviceGetAttribute", d.api.deviceGetAttribute(&v, attribute, dev.handle)); err != nil {
			return dev, err
		}
		*value = int(v)
	}
	return dev, d.check("cuDeviceTotalMem", d.api.deviceTotalMem(&dev.Memory, dev.handle))
}

// ComputeCapability is "9.0".
func (d Device) ComputeCapability() string { return fmt.Sprintf("%d.%d", d.Major, d.Minor) }

// CanAccess says whether this device can read and write the memory of another one.
func (d Device) CanAccess(peer Device) (bool, error) {
	var can int32
	err := d.driver.check("cuDeviceCanAccessPeer", d.driver.api.deviceCanAccessPeer(&can, d.handle, peer.handle))
	return can != 0, err
}

// uuid writes an identifier as nvidia-smi does. CUDA gives the bytes only; that a device
// is a MIG device shows in its name, "NVIDIA H200 MIG 1g.18gb".
func uuid(id [16]byte, name string) string {
	h := hex.EncodeToString(id[:])
	kind := "GPU"
	if strings.Contains(name, " MIG ") {
		kind = "MIG"
	}
	return strings.Join([]string{kind, h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}
