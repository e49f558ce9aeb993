package qemu

import (
	"bufio"
	"context"
	"os"
	"path/filepath"
	"strings"

	"vz.internal/vzcore"
)

var _ vzcore.Describer = (*machine)(nil)

// Facts implements vzcore.Describer. With KVM a guest knows the host's processor; shares
// by 9p are devices that do not come and go.
func (m *machine) Facts(ctx context.Context) (map[string]string, error) {
	accelerator, err := m.driver.Accelerator(ctx, m.config)
	if err != nil {
		return nil, err
	}
	facts := map[string]string{"accelerator": accelerator}
	if accelerator == KVM {
		facts["accelerator"] += " on " + processor()
	}
	if firmware := m.driver.firmware(accelerator); firmware != "" {
		facts["firmware"] = filepath.Base(firmware)
	}
	if m.driver.shareKind() == NineP && len(m.config.Shares) > 0 {
		var tags []string
		for _, s := range m.config.Shares {
			tags = append(tags, s.Tag)
		}
		facts["shares by 9p"] = strings.Join(tags, ", ")
	}
	return facts, nil
}

// processor is what the host says of its first processor: model and abilities.
func processor() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "an unknown processor"
	}
	defer f.Close()
	var all []string
	for lines := bufio.NewScanner(f); lines.Scan() && lines.Text() != ""; {
		name, value, _ := strings.Cut(lines.Text(), ":")
		switch strings.TrimSpace(name) {
		case "model name", "flags", "Features", "CPU part":
			all = append(all, strings.TrimSpace(value))
		}
	}
	return strings.Join(all, ", ")
}
