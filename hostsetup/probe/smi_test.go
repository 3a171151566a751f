package probe

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

func smiFile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata/smi", name))
	assert.NilError(t, err)
	return data
}

func at[T any](v T) *T { return &v }

func TestSMIOfAnH200(t *testing.T) {
	driver, gpus, err := ParseSMI(smiFile(t, "h200.xml"))
	assert.NilError(t, err)
	assert.DeepEqual(t, driver, host.Driver{Version: "580.159", CUDA: "13.0"})
	assert.DeepEqual(t, gpus, []host.GPU{{
		UUID: "GPU-11111111-2222-3333-4444-555555555555", Name: "NVIDIA H200", Serial: "1654924012345", PCI: "0000:65:00.0", Minor: at(3),
		ComputeCapability: "9.0", Architecture: "Hopper", VBIOS: "96.00.BC.00.01", Memory: 143771 << 20, MemoryUsed: 70000 << 20,
		Temperature: &host.Temperature{GPU: 60, Memory: at(71), Slowdown: at(88), Shutdown: at(94), Margin: at(28)},
		Power:       &host.Power{Draw: 689.12, Limit: 700, Default: 700, Min: 200, Max: 700},
		Clocks: &host.Clocks{SM: 1515, SMMax: 1980, Memory: 3201, MemoryMax: 3201, Reasons: []string{"sw_power_cap", "sw_thermal"},
			Held: map[string]time.Duration{"sw_power_cap": 90 * time.Second, "sw_thermal": 1500 * time.Microsecond}},
		Utilization:  &host.Utilization{GPU: 99, Memory: 41},
		ECC:          &host.ECC{On: true, Pending: true, VolatileCorrected: 5, VolatileUncorrected: 10, AggregateCorrected: 50, AggregateUncorrected: 100, SRAMThresholdExceeded: true},
		RemappedRows: &host.Remap{Corrected: 3, Uncorrected: 1, Pending: true},
		PCIe:         &host.PCIe{Gen: 5, Width: 16, MaxGen: 5, MaxWidth: 16, Replays: 2},
		Fabric:       &host.Fabric{State: "completed"},
		MIG:          &host.MIG{},
		Persistence:  at(true), ComputeMode: "default", GSP: "580.159", RecoveryAction: "none",
		Processes: []host.Process{{PID: 4711, Name: "python3", Kind: "compute", Memory: 69000 << 20}, {PID: 4712, Name: "[Not Found]", Kind: "mps"}},
	}})
}

func TestSMIOfAGeForceAndAnOlderDriver(t *testing.T) {
	driver, gpus, err := ParseSMI(smiFile(t, "geforce.xml"))
	assert.NilError(t, err)
	assert.DeepEqual(t, driver, host.Driver{Version: "515.105.01", CUDA: "11.7"})
	assert.DeepEqual(t, gpus, []host.GPU{{
		UUID: "GPU-aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", Name: "NVIDIA GeForce RTX 4090", PCI: "0000:01:00.0", Minor: at(0),
		ComputeCapability: "8.9", Architecture: "Ada", VBIOS: "95.02.18.80.5F", Memory: 24564 << 20, MemoryUsed: 1210 << 20,
		Temperature: &host.Temperature{GPU: 41, Slowdown: at(97), Shutdown: at(100), Margin: at(56)},
		Power:       &host.Power{Draw: 19.54, Limit: 320, Default: 450, Min: 150, Max: 600},
		Clocks:      &host.Clocks{SM: 210, SMMax: 3105, Memory: 405, MemoryMax: 10501, Reasons: []string{"gpu_idle"}},
		Fans:        []host.Fan{{Percent: 37}},
		Utilization: &host.Utilization{GPU: 3, Memory: 1},
		PCIe:        &host.PCIe{Gen: 1, Width: 8, MaxGen: 4, MaxWidth: 16},
		Persistence: at(false), ComputeMode: "exclusive-process",
		Processes: []host.Process{{PID: 1502, Name: "/usr/lib/xorg/Xorg", Kind: "graphics", Memory: 410 << 20}, {PID: 2210, Name: "/opt/game", Kind: "compute"}},
	}})
}

func TestSMIOfLostGPUs(t *testing.T) {
	_, gpus, err := ParseSMI(smiFile(t, "lost.xml"))
	assert.NilError(t, err)
	assert.DeepEqual(t, gpus, []host.GPU{
		{
			UUID: "GPU-00000000-0000-0000-0000-000000000000", Name: "NVIDIA A100-SXM4-80GB", PCI: "0000:17:00.0", Minor: at(0), ComputeCapability: "8.0", Architecture: "Ampere", Lost: true,
			Errors: map[string]string{"fan_speed": "ERR!", "fb_memory_usage/total": "ERR!", "fb_memory_usage/used": "ERR!", "temperature/gpu_temp": "ERR!",
				"utilization/gpu_util": "[Unknown Error]", "gpu_power_readings/power_draw": "[Unknown Error]"},
		},
		{Index: 1, PCI: "0000:18:00.0", Lost: true, Errors: map[string]string{"product_name": "[GPU is lost]", "uuid": "[GPU is lost]"}},
		{
			Index: 2, UUID: "GPU-00000000-0000-0000-0000-000000000002", Name: "NVIDIA A100-SXM4-80GB", PCI: "0000:19:00.0", Minor: at(2), ComputeCapability: "8.0", Architecture: "Ampere",
			Memory: 81920 << 20, MemoryUsed: 4 << 20, Temperature: &host.Temperature{GPU: 30}, Utilization: &host.Utilization{}, RecoveryAction: "gpu-reset",
			Errors: map[string]string{"temperature/memory_temp": "[Unknown Error]"},
		},
	})
}

func TestSMIOfMIG(t *testing.T) {
	_, gpus, err := ParseSMI(smiFile(t, "mig.xml"))
	assert.NilError(t, err)
	assert.DeepEqual(t, gpus[0].MIG, &host.MIG{On: true, Devices: []host.MIGDevice{
		{Index: 0, GI: 3, Memory: 19968 << 20, MemoryUsed: 12 << 20},
		{Index: 1, GI: 4, UUID: "MIG-44444444-2222-3333-4444-555555555555"}, // it uses more than it has
	}})
	assert.DeepEqual(t, gpus[0].Processes, []host.Process{{PID: 31, Name: "serve", Kind: "compute", Memory: 10 << 20, MIG: at(1)}})
	assert.Equal(t, gpus[0].MemoryUsed, uint64(50<<20), "what a MIG device says is not the GPU's")
}

// Wherever the output ends, there is an error, no crash, and what was whole is there.
func TestSMICutAnywhere(t *testing.T) {
	whole := smiFile(t, "lost.xml")
	last := strings.LastIndex(string(whole), "</nvidia_smi_log>")
	_, want, err := ParseSMI(whole)
	assert.NilError(t, err)
	second := strings.Index(string(whole), `<gpu id="00000000:18`)
	for n := range last {
		_, gpus, err := ParseSMI(whole[:n])
		assert.Assert(t, err != nil, "cut at %d", n)
		if n >= second {
			assert.DeepEqual(t, gpus[0], want[0])
		}
	}
	assert.ErrorContains(t, func() error { _, _, err := ParseSMI(whole[:last]); return err }(), "cut or broken after 3 GPUs")
}

func TestSMISaysWhatIsWrong(t *testing.T) {
	for says, in := range map[string]string{
		"wrote nothing": " \n",
		"nvidia-smi says: NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.": "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\nMake sure that",
		"nvidia-smi says: No devices were found":                                                         "No devices were found\n",
		"begins with <html>":                                                                             "<html><body>gpu</body></html>",
		"no nvidia_smi_log":                                                                              "<?xml version=\"1.0\" ?>\n",
		"after 0 GPUs":                                                                                   "<nvidia_smi_log><gpu",
		"more than 32 deep":                                                                              "<nvidia_smi_log>" + strings.Repeat("<a>", 100000),
		"after 1 GPUs: XML syntax error":                                                                 "<nvidia_smi_log><gpu><uuid>GPU-a</uuid></nope>",
		"invalid character entity":                                                                       "<nvidia_smi_log><gpu><uuid>&bomb;</uuid></gpu></nvidia_smi_log>",
		"lists more than 1024 GPUs":                                                                      "<nvidia_smi_log>" + strings.Repeat("<gpu></gpu>", 1025),
		"wrote more than 16 MiB":                                                                         "<nvidia_smi_log>" + strings.Repeat(" ", smiMost),
	} {
		t.Run(says, func(t *testing.T) {
			_, _, err := ParseSMI([]byte(in))
			assert.ErrorContains(t, err, says)
			assert.Assert(t, len(err.Error()) < 400, err)
		})
	}
}

// log is a log of one GPU.
func smiOne(elements string) []byte {
	return []byte("<nvidia_smi_log><gpu><fb_memory_usage><total>100 MiB</total><used>1 MiB</used></fb_memory_usage>" + elements + "</gpu></nvidia_smi_log>")
}

func TestSMINonsense(t *testing.T) {
	for name, c := range map[string]struct {
		in, path string
		gone     func(host.GPU) bool
	}{
		"degrees":          {fmt.Sprintf("<temperature><gpu_temp>%d C</gpu_temp></temperature>", uint64(math.MaxUint64)), "temperature/gpu_temp", func(g host.GPU) bool { return g.Temperature == nil }},
		"Fahrenheit":       {"<temperature><gpu_temp>90 F</gpu_temp></temperature>", "temperature/gpu_temp", func(g host.GPU) bool { return g.Temperature == nil }},
		"a negative power": {"<power_readings><power_draw>-5.00 W</power_draw></power_readings>", "power_readings/power_draw", func(g host.GPU) bool { return g.Power == nil }},
		"no number":        {"<utilization><gpu_util>NaN %</gpu_util></utilization>", "utilization/gpu_util", func(g host.GPU) bool { return g.Utilization == nil }},
		"words":            {"<clocks><sm_clock>fast MHz</sm_clock></clocks>", "clocks/sm_clock", func(g host.GPU) bool { return g.Clocks == nil }},
		"infinity":         {"<clocks><sm_clock>+Inf MHz</sm_clock></clocks>", "clocks/sm_clock", func(g host.GPU) bool { return g.Clocks == nil }},
		"a count": {"<ecc_mode><current_ecc>Enabled</current_ecc></ecc_mode><ecc_errors><volatile><dram_uncorrectable>-1</dram_uncorrectable></volatile></ecc_errors>",
			"ecc_errors/volatile/dram_uncorrectable", func(g host.GPU) bool { return g.ECC.VolatileUncorrected == 0 }},
		"memory used": {"<fb_memory_usage><used>101 MiB</used></fb_memory_usage>", "fb_memory_usage/used", func(g host.GPU) bool { return g.MemoryUsed == 0 && g.Memory == 100<<20 }},
	} {
		t.Run(name, func(t *testing.T) {
			_, gpus, err := ParseSMI(smiOne(c.in))
			assert.NilError(t, err)
			assert.Assert(t, gpus[0].Errors[c.path] != "", "%v", gpus[0].Errors)
			assert.Assert(t, c.gone(gpus[0]), "%+v", gpus[0])
		})
	}
}

func TestSMIHostileNames(t *testing.T) {
	_, gpus, err := ParseSMI(smiOne("<product_name>\x1b[31mNVIDIA\x00 \xffX</product_name><uuid>" + strings.Repeat("x", 1<<16) + "</uuid>" +
		"<processes><process_info><pid>-1</pid></process_info><process_info><pid>1e3</pid></process_info><process_info><pid>7</pid><type>?</type></process_info></processes>"))
	assert.NilError(t, err)
	assert.Equal(t, gpus[0].Name, "[31mNVIDIA X")
	assert.Equal(t, len(gpus[0].UUID), 256)
	assert.DeepEqual(t, gpus[0].Processes, []host.Process{{PID: 7}})
}

func TestSMIRetiredPagesOfAnOlderCard(t *testing.T) {
	_, gpus, err := ParseSMI(smiOne("<ecc_mode><current_ecc>Enabled</current_ecc><pending_ecc>Disabled</pending_ecc></ecc_mode>" +
		"<ecc_errors><volatile><single_bit><device_memory>3</device_memory><total>4</total></single_bit><double_bit><total>1</total></double_bit></volatile></ecc_errors>" +
		"<retired_pages><multiple_single_bit_retirement><retired_count>5</retired_count></multiple_single_bit_retirement>" +
		"<double_bit_retirement><retired_count>2</retired_count><retired_pagelist><retired_page_addr>0x1</retired_page_addr></retired_pagelist></double_bit_retirement>" +
		"<pending_retirement>Yes</pending_retirement></retired_pages>"))
	assert.NilError(t, err)
	assert.DeepEqual(t, gpus[0].ECC, &host.ECC{On: true, VolatileCorrected: 4, VolatileUncorrected: 1, RetiredPages: 7, RetiredPagesDoubleBits: 2, RetiredPagesPending: true})
	assert.Equal(t, len(gpus[0].Errors), 0, "%v", gpus[0].Errors)
}

func TestSMIFabric(t *testing.T) {
	for in, want := range map[string]*host.Fabric{
		"<state>In Progress</state><status>N/A</status>":                  {State: "in-progress"},
		"<state>Not Started</state>":                                      {State: "not-started"},
		"<state>Completed</state><status>Insufficient Resources</status>": {State: "completed", Status: "Insufficient Resources"},
		"<state>Completed</state><health><bandwidth>Degraded</bandwidth><route_unhealthy>True</route_unhealthy></health>": {State: "completed", Health: "degraded bandwidth, route unhealthy"},
		"<state>Completed</state><health><summary>Unhealthy</summary></health>":                                           {State: "completed", Health: "unhealthy"},
		"<state>N/A</state>": nil,
	} {
		_, gpus, err := ParseSMI(smiOne("<fabric>" + in + "</fabric>"))
		assert.NilError(t, err)
		assert.DeepEqual(t, gpus[0].Fabric, want)
	}
}
