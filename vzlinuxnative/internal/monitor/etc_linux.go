package monitor

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/engine"
)

// etcFiles writes the container's own hosts, resolv.conf and hostname.
func (m *monitor) etcFiles(cfg vzcontract.RunConfig) ([]engine.ResolvedMount, error) {
	host := cfg.Hostname
	if host == "" {
		host = m.id[:12]
	}
	hosts := "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n"
	for _, h := range cfg.ExtraHosts {
		name, ip, _ := strings.Cut(h, ":")
		hosts += ip + " " + name + "\n"
	}
	resolv := ""
	for _, s := range cfg.DNS.Servers {
		resolv += "nameserver " + s + "\n"
	}
	if len(cfg.DNS.Search) > 0 {
		resolv += "search " + strings.Join(cfg.DNS.Search, " ") + "\n"
	}
	if len(cfg.DNS.Options) > 0 {
		resolv += "options " + strings.Join(cfg.DNS.Options, " ") + "\n"
	}
	var binds []engine.ResolvedMount
	for name, text := range map[string]string{"hosts": hosts, "resolv.conf": resolv, "hostname": host + "\n"} {
		file := filepath.Join(m.store.Dir(m.id), name)
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return nil, fmt.Errorf("write %s: %w", name, err)
		}
		binds = append(binds, engine.ResolvedMount{
			Mount: vzcontract.Mount{Type: vzcontract.MountBind, Target: "/etc/" + name}, HostPath: file,
		})
	}
	return binds, nil
}
