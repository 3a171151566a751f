package probe

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// onlySMI is the one GPU of an output with some elements; nothing may have gone wrong.
func onlySMI(t *testing.T, elements string) host.GPU {
	t.Helper()
	_, gpus, err := ParseSMI(smiOne(elements))
	assert.NilError(t, err)
	assert.Equal(t, len(gpus), 1)
	assert.Equal(t, len(gpus[0].Errors), 0, "%v", gpus[0].Errors)
	return gpus[0]
}

// NVML and nvidia-smi have the same reasons, by the same words.
func TestSMIClockReasons(t *testing.T) {
	for _, r := range policy.ClockReasons() {
		if r.SMI == "" {
			continue
		}
		for _, name := range []string{"event", "throttle"} { // R535 gave them another name
			g := onlySMI(t, fmt.Sprintf("<clocks_%[1]s_reasons><clocks_%[1]s_reason_%[2]s>Active</clocks_%[1]s_reason_%[2]s></clocks_%[1]s_reasons>", name, r.SMI))
			assert.DeepEqual(t, g.Clocks.Reasons, []string{r.Word})
			g = onlySMI(t, fmt.Sprintf("<clocks_%[1]s_reasons><clocks_%[1]s_reason_%[2]s>Not Active</clocks_%[1]s_reason_%[2]s></clocks_%[1]s_reasons>", name, r.SMI))
			assert.Equal(t, len(g.Clocks.Reasons), 0)
		}
		if r.SMICounter != "" {
			g := onlySMI(t, fmt.Sprintf("<clocks><sm_clock>1 MHz</sm_clock></clocks><clocks_event_reasons_counters><clocks_event_reasons_counters_%[1]s>1500 us</clocks_event_reasons_counters_%[1]s></clocks_event_reasons_counters>", r.SMICounter))
			assert.DeepEqual(t, g.Clocks.Held, map[string]time.Duration{r.Word: 1500 * time.Microsecond})
		}
	}
	assert.Assert(t, onlySMI(t, "").Clocks == nil)
	// Many at once, in the table's order.
	g := onlySMI(t, "<clocks_event_reasons><clocks_event_reason_hw_thermal_slowdown>Active</clocks_event_reason_hw_thermal_slowdown><clocks_event_reason_sw_power_cap>Active</clocks_event_reason_sw_power_cap></clocks_event_reasons>")
	assert.DeepEqual(t, g.Clocks.Reasons, []string{"sw_power_cap", "hw_thermal"})
}

// Three forms of power over the years.
func TestSMIPower(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want *host.Power
	}{
		"before R530": {"<power_readings><power_draw>61.03 W</power_draw><power_limit>250.00 W</power_limit><default_power_limit>250.00 W</default_power_limit><enforced_power_limit>240.00 W</enforced_power_limit><min_power_limit>100.00 W</min_power_limit><max_power_limit>250.00 W</max_power_limit></power_readings>",
			&host.Power{Draw: 61.03, Limit: 240, Default: 250, Min: 100, Max: 250}},
		"R530": {"<gpu_power_readings><power_draw>61.03 W</power_draw><current_power_limit>700.00 W</current_power_limit><requested_power_limit>700.00 W</requested_power_limit><default_power_limit>700.00 W</default_power_limit><min_power_limit>200.00 W</min_power_limit><max_power_limit>700.00 W</max_power_limit></gpu_power_readings>",
			&host.Power{Draw: 61.03, Limit: 700, Default: 700, Min: 200, Max: 700}},
		"R570":          {"<gpu_power_readings><average_power_draw>75.90 W</average_power_draw><instant_power_draw>76.11 W</instant_power_draw><current_power_limit>700.00 W</current_power_limit></gpu_power_readings>", &host.Power{Draw: 75.9, Limit: 700}},
		"instant alone": {"<gpu_power_readings><average_power_draw>N/A</average_power_draw><instant_power_draw>76.11 W</instant_power_draw></gpu_power_readings>", &host.Power{Draw: 76.11}},
		"of a laptop":   {"<gpu_power_readings><power_draw>5.71 W</power_draw><current_power_limit>N/A</current_power_limit><default_power_limit>[N/A]</default_power_limit></gpu_power_readings>", &host.Power{Draw: 5.71}},
		"of a module":   {"<module_power_readings><power_draw>500.00 W</power_draw></module_power_readings>", nil}, // of CPU and GPU together
		"not at all":    {"<power_readings><power_draw>N/A</power_draw></power_readings>", nil},
	} {
		t.Run(name, func(t *testing.T) { assert.DeepEqual(t, onlySMI(t, c.in).Power, c.want) })
	}
}

func TestSMITemperature(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want *host.Temperature
	}{
		"absolute limits": {"<gpu_temp>41 C</gpu_temp><gpu_temp_max_threshold>100 C</gpu_temp_max_threshold><gpu_temp_slow_threshold>97 C</gpu_temp_slow_threshold><memory_temp>N/A</memory_temp>",
			&host.Temperature{GPU: 41, Slowdown: at(97), Shutdown: at(100), Margin: at(56)}},
		"margins": {"<gpu_temp>60 C</gpu_temp><gpu_temp_tlimit>26 C</gpu_temp_tlimit><gpu_temp_max_tlimit_threshold>-8 C</gpu_temp_max_tlimit_threshold><gpu_temp_slow_tlimit_threshold>-2 C</gpu_temp_slow_tlimit_threshold><memory_temp>71 C</memory_temp>",
			&host.Temperature{GPU: 60, Memory: at(71), Slowdown: at(88), Shutdown: at(94), Margin: at(28)}},
		"a margin alone": {"<gpu_temp>60 C</gpu_temp><gpu_temp_tlimit>26 C</gpu_temp_tlimit>", &host.Temperature{GPU: 60, Margin: at(26)}},
		"a limit alone":  {"<gpu_temp>60 C</gpu_temp><gpu_temp_slow_tlimit_threshold>-2 C</gpu_temp_slow_tlimit_threshold>", &host.Temperature{GPU: 60}},
		"beyond it":      {"<gpu_temp>99 C</gpu_temp><gpu_temp_slow_threshold>97 C</gpu_temp_slow_threshold>", &host.Temperature{GPU: 99, Slowdown: at(97), Margin: at(-2)}},
		"frost":          {"<gpu_temp>-5 C</gpu_temp>", &host.Temperature{GPU: -5}},
		"only of memory": {"<memory_temp>71 C</memory_temp>", nil},
	} {
		t.Run(name, func(t *testing.T) {
			assert.DeepEqual(t, onlySMI(t, "<temperature>"+c.in+"</temperature>").Temperature, c.want)
		})
	}
}

func TestSMIRecoveryActions(t *testing.T) {
	for in, want := range map[string]string{
		"<gpu_recovery_action>None</gpu_recovery_action>":                                                                                        "none",
		"<gpu_recovery_action>Reset</gpu_recovery_action>":                                                                                       "gpu-reset",
		"<gpu_recovery_action>Reboot</gpu_recovery_action>":                                                                                      "node-reboot",
		"<gpu_recovery_action>Drain P2P</gpu_recovery_action>":                                                                                   "drain-p2p",
		"<gpu_recovery_action>Drain and Reset</gpu_recovery_action>":                                                                             "drain-and-reset",
		"<gpu_recovery_action>Something new</gpu_recovery_action>":                                                                               "",
		"<gpu_reset_status><reset_required>Yes</reset_required></gpu_reset_status>":                                                              "gpu-reset",
		"<gpu_reset_status><reset_required>No</reset_required><drain_and_reset_recommended>Yes</drain_and_reset_recommended></gpu_reset_status>": "drain-and-reset",
		"<gpu_reset_status><reset_required>No</reset_required><drain_and_reset_recommended>No</drain_and_reset_recommended></gpu_reset_status>":  "none",
		"<gpu_reset_status><reset_required>No</reset_required></gpu_reset_status>":                                                               "",
		"<gpu_recovery_action>None</gpu_recovery_action><gpu_reset_status><reset_required>Yes</reset_required></gpu_reset_status>":               "none",
		"": "",
	} {
		assert.Equal(t, onlySMI(t, in).RecoveryAction, want, in)
	}
}

func TestSMIModes(t *testing.T) {
	for said, want := range map[string]string{"Default": "default", "Exclusive_Process": "exclusive-process", "Exclusive_Thread": "exclusive-process", "Prohibited": "prohibited", "N/A": "", "New": ""} {
		assert.Equal(t, onlySMI(t, "<compute_mode>"+said+"</compute_mode>").ComputeMode, want)
	}
	for said, want := range map[string]*bool{"Enabled": at(true), "Disabled": at(false), "N/A": nil, "": nil} {
		assert.DeepEqual(t, onlySMI(t, "<persistence_mode>"+said+"</persistence_mode>").Persistence, want)
	}
	for in, want := range map[string]*host.MIG{
		"<current_mig>Enabled</current_mig><pending_mig>Enabled</pending_mig>":   {On: true, Pending: true},
		"<current_mig>Disabled</current_mig><pending_mig>Enabled</pending_mig>":  {Pending: true},
		"<current_mig>Disabled</current_mig><pending_mig>Disabled</pending_mig>": {},
		"<current_mig>N/A</current_mig><pending_mig>N/A</pending_mig>":           nil,
	} {
		assert.DeepEqual(t, onlySMI(t, "<mig_mode>"+in+"</mig_mode>").MIG, want)
	}
}

func TestSMILinks(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want *host.PCIe
	}{
		"whole": {"<pcie_gen><max_link_gen>5</max_link_gen><current_link_gen>1</current_link_gen></pcie_gen><link_widths><max_link_width>16x</max_link_width><current_link_width>8x</current_link_width></link_widths>",
			&host.PCIe{Gen: 1, Width: 8, MaxGen: 5, MaxWidth: 16}},
		"half":    {"<pcie_gen><current_link_gen>4</current_link_gen></pcie_gen>", &host.PCIe{Gen: 4}},
		"unknown": {"<pcie_gen><current_link_gen>N/A</current_link_gen></pcie_gen>", nil},
		"none":    {"", nil},
	} {
		t.Run(name, func(t *testing.T) {
			assert.DeepEqual(t, onlySMI(t, "<pci><pci_gpu_link_info>"+c.in+"</pci_gpu_link_info></pci>").PCIe, c.want)
		})
	}
	g := onlySMI(t, "<pci><pci_bus_id>00000000:3B:00.0</pci_bus_id><replay_counter>12</replay_counter><pci_gpu_link_info><pcie_gen><current_link_gen>4</current_link_gen></pcie_gen></pci_gpu_link_info></pci>")
	assert.Equal(t, g.PCI, "0000:3b:00.0")
	assert.Equal(t, g.PCIe.Replays, uint64(12))
}

func TestSMIMemoryErrors(t *testing.T) {
	g := onlySMI(t, "<remapped_rows><remapped_row_corr>3</remapped_row_corr><remapped_row_unc>1</remapped_row_unc><remapped_row_pending>Yes</remapped_row_pending><remapped_row_failure>No</remapped_row_failure></remapped_rows>")
	assert.DeepEqual(t, g.RemappedRows, &host.Remap{Corrected: 3, Uncorrected: 1, Pending: true})
	assert.Assert(t, g.ECC == nil)
	g = onlySMI(t, "<remapped_rows><remapped_row_corr>N/A</remapped_row_corr><remapped_row_unc>N/A</remapped_row_unc></remapped_rows><ecc_mode><current_ecc>N/A</current_ecc></ecc_mode>")
	assert.Assert(t, g.RemappedRows == nil && g.ECC == nil)
	g = onlySMI(t, "<ecc_mode><current_ecc>Enabled</current_ecc><pending_ecc>Enabled</pending_ecc></ecc_mode><ecc_errors><volatile><sram_correctable>1</sram_correctable><sram_uncorrectable_parity>2</sram_uncorrectable_parity><sram_uncorrectable_secded>4</sram_uncorrectable_secded><dram_correctable>8</dram_correctable><dram_uncorrectable>16</dram_uncorrectable></volatile>"+
		"<aggregate><sram_correctable>32</sram_correctable><dram_uncorrectable>64</dram_uncorrectable><sram_threshold_exceeded>Yes</sram_threshold_exceeded></aggregate></ecc_errors>")
	assert.DeepEqual(t, g.ECC, &host.ECC{On: true, Pending: true, VolatileCorrected: 9, VolatileUncorrected: 22, AggregateCorrected: 32, AggregateUncorrected: 64, SRAMThresholdExceeded: true})
}

func TestSMIProcesses(t *testing.T) {
	process := func(pid, kind, memory string) string {
		return "<process_info><gpu_instance_id>N/A</gpu_instance_id><compute_instance_id>N/A</compute_instance_id><pid>" + pid + "</pid><type>" + kind + "</type><process_name>p" + pid + "</process_name><used_memory>" + memory + "</used_memory></process_info>"
	}
	g := onlySMI(t, "<processes>"+process("1", "C", "10 MiB")+process("2", "G", "5 MiB")+process("3", "C+G", "N/A")+process("4", "M+C", "1 MiB")+process("0", "C", "1 MiB")+process("x", "C", "1 MiB")+process("99999999999999999999", "C", "1 MiB")+"</processes>")
	assert.DeepEqual(t, g.Processes, []host.Process{
		{PID: 1, Name: "p1", Kind: "compute", Memory: 10 << 20}, {PID: 2, Name: "p2", Kind: "graphics", Memory: 5 << 20}, {PID: 3, Name: "p3", Kind: "compute"}, {PID: 4, Name: "p4", Kind: "mps", Memory: 1 << 20},
	})
}

func TestSMIWordsForNothing(t *testing.T) {
	for _, said := range []string{"", "N/A", "[N/A]", "n/a", "None", "Not Supported", "[Not Supported]", "Unknown", "Requested functionality has been deprecated", "[Requested functionality has been deprecated]", "Not available in WDDM driver model"} {
		assert.Assert(t, smiUnknown(said) && !smiFailed(said), said)
	}
	for _, said := range []string{"ERR!", "[Unknown Error]", "Unknown Error", "[GPU is lost]", "GPU is lost", "[Insufficient Permissions]", "GPU requires reset", "[GPU requires reset]"} {
		assert.Assert(t, smiFailed(said) && !smiUnknown(said), said)
	}
	for _, said := range []string{"0", "34 C", "Enabled", "NVIDIA H200", "[Not Found]", "NA"} {
		assert.Assert(t, !smiFailed(said) && !smiUnknown(said), said)
	}
}

// As many GPUs as the largest machines have, and the order in which they are listed.
func TestSMIOfManyGPUs(t *testing.T) {
	var b strings.Builder
	b.WriteString("<nvidia_smi_log><driver_version>580.65.06</driver_version>")
	for i := range 16 {
		fmt.Fprintf(&b, "<gpu id=\"%d\"><uuid>GPU-%d</uuid><supported_clocks><supported_mem_clock><value>1 MHz</value></supported_mem_clock></supported_clocks><minor_number>%d</minor_number></gpu>", i, i, 15-i)
	}
	b.WriteString("</nvidia_smi_log>")
	driver, gpus, err := ParseSMI([]byte(b.String()))
	assert.NilError(t, err)
	assert.Equal(t, driver.Version, "580.65.06")
	assert.Equal(t, len(gpus), 16)
	for i, g := range gpus {
		assert.Equal(t, g.Index, i)
		assert.Equal(t, g.UUID, fmt.Sprintf("GPU-%d", i))
		assert.Equal(t, *g.Minor, 15-i)
	}
}

// What belongs to a MIG device or a process is not the GPU's, wherever it stands.
func TestSMIRecordsStayApart(t *testing.T) {
	_, gpus, err := ParseSMI([]byte("<nvidia_smi_log><gpu><mig_devices><mig_device><uuid>MIG-a</uuid></mig_device></mig_devices><uuid>GPU-a</uuid><processes><process_info><pid>7</pid><uuid>x</uuid></process_info></processes></gpu>" +
		"<uuid>of the log</uuid><gpu><product_name>second</product_name></gpu></nvidia_smi_log>"))
	assert.NilError(t, err)
	assert.Equal(t, gpus[0].UUID, "GPU-a")
	assert.Equal(t, gpus[1].UUID, "")
	assert.Equal(t, gpus[1].Name, "second")
	assert.DeepEqual(t, gpus[0].Processes, []host.Process{{PID: 7}})
}

func FuzzSMI(f *testing.F) {
	f.Add([]byte("<nvidia_smi_log><gpu><uuid>GPU-a</uuid></gpu></nvidia_smi_log>"))
	f.Add(smiOne("<temperature><gpu_temp>60 C</gpu_temp></temperature>"))
	f.Add([]byte("0, GPU-a, NVIDIA X, 9.0, 1, 580.65.06\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, gpus, _ := ParseSMI(data)
		if len(gpus) > smiGPUs {
			t.Fatal(len(gpus))
		}
		_, _, _ = parseSMIList(data)
	})
}
