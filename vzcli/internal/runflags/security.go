package runflags

import (
	"encoding/json"
	"os"
	"strconv"
	"strings"

	"vz.internal/vzcontract"
)

func (f *SecurityFlags) apply(cfg *vzcontract.RunConfig) error {
	sec := &cfg.Security
	sec.CapAdd, sec.CapDrop = f.CapAdd, f.CapDrop
	for _, o := range f.SecurityOpt {
		if err := securityOption(sec, o); err != nil {
			return err
		}
	}
	for _, s := range f.Sysctl {
		key, value, ok := strings.Cut(s, "=")
		if !ok || key == "" {
			return bad("sysctl", s, "want KEY=VALUE")
		}
		cfg.Sysctls = put(cfg.Sysctls, key, value)
	}
	for _, ns := range []struct {
		flag, value string
		fixed       []string
		container   bool
	}{
		{"pid", f.PID, []string{"", "host", "private"}, true},
		{"ipc", f.IPC, []string{"", "host", "none", "private", "shareable"}, true},
		{"uts", f.UTS, []string{"", "host", "private"}, false},
		{"userns", f.Userns, []string{"", "host", "auto", "keep-id"}, false},
		{"cgroupns", f.Cgroupns, []string{"", "host", "private"}, false},
	} {
		if err := namespace(ns.flag, ns.value, ns.fixed, ns.container); err != nil {
			return err
		}
	}
	private := func(s string) string {
		if s == "private" {
			return ""
		}
		return s
	}
	cfg.Namespaces = vzcontract.NamespaceConfig{
		PID: private(f.PID), IPC: f.IPC, UTS: private(f.UTS), User: f.Userns, Cgroup: f.Cgroupns, CgroupParent: f.CgroupParent,
	}
	return nil
}

func namespace(flag, value string, fixed []string, container bool) error {
	for _, v := range fixed {
		if v == value {
			return nil
		}
	}
	if name, ok := strings.CutPrefix(value, "container:"); ok && container {
		if name == "" {
			return bad(flag, value, "the container's name is missing")
		}
		return nil
	}
	known := strings.Join(fixed[1:], ", ")
	if container {
		known += ", container:NAME"
	}
	return bad(flag, value, "unknown mode; known are %s", known)
}

// securityOption applies one value of --security-opt; docker separates with
// "=" and, of old, with ":".
func securityOption(sec *vzcontract.SecurityConfig, s string) error {
	const flag = "security-opt"
	key, value, has := strings.Cut(s, "=")
	if !has {
		key, value, has = strings.Cut(s, ":")
	}
	if key != "no-new-privileges" && (!has || value == "") {
		return bad(flag, s, "want KEY=VALUE or no-new-privileges")
	}
	switch key {
	case "no-new-privileges":
		on := true
		if has {
			var err error
			if on, err = strconv.ParseBool(value); err != nil {
				return bad(flag, s, "want true or false")
			}
		}
		sec.NoNewPrivileges = on
	case "seccomp":
		return seccomp(sec, s, value)
	case "apparmor":
		sec.AppArmor = value
	case "label":
		sec.SELinux = append(sec.SELinux, value)
	case "systempaths":
		if value != "unconfined" {
			return bad(flag, s, "want systempaths=unconfined")
		}
		sec.UnmaskPaths = append(sec.UnmaskPaths, "ALL")
	case "unmask":
		sec.UnmaskPaths = append(sec.UnmaskPaths, strings.Split(value, ":")...)
	case "credentialspec":
		return refuse(flag, s, windowsOnly)
	case "writable-cgroups":
		return refuse(flag, s, "the cgroup mount stays read-only; use --privileged or --cgroupns host")
	default:
		return bad(flag, s, "unknown option; known are seccomp, apparmor, label, no-new-privileges, systempaths and unmask")
	}
	return nil
}

func seccomp(sec *vzcontract.SecurityConfig, s, value string) error {
	switch value {
	case "unconfined":
		sec.Seccomp = "unconfined"
		return nil
	case "builtin", "default":
		sec.Seccomp = ""
		return nil
	}
	profile, err := os.ReadFile(value)
	if err != nil {
		return bad("security-opt", s, "%v", err)
	}
	if !json.Valid(profile) {
		return bad("security-opt", s, "%s is not JSON", value)
	}
	sec.Seccomp = string(profile)
	return nil
}
