package compose

import (
	"encoding/json"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"vz.internal/vzcontract"
)

// security is what a container may do beyond the usual, or less.
func (t *translator) security(p problems, s types.ServiceConfig, run *vzcontract.RunConfig) {
	sec := &run.Security
	sec.Privileged, sec.CapAdd, sec.CapDrop = s.Privileged, s.CapAdd, s.CapDrop
	for _, o := range s.SecurityOpt {
		t.securityOption(p, sec, o)
	}
	run.Sysctls = s.Sysctls
	for _, d := range s.Devices {
		if !strings.HasPrefix(d.Source, "/") {
			p.add("devices", "%s: CDI names are not known; want a path of the host", d.Source)
			continue
		}
		run.Devices = append(run.Devices, vzcontract.Device{HostPath: d.Source, ContainerPath: d.Target, Permissions: d.Permissions})
	}
	run.DeviceRules = s.DeviceCgroupRules
	run.Namespaces.CgroupParent = s.CgroupParent
	switch s.Cgroup {
	case "", "host", "private":
		run.Namespaces.Cgroup = s.Cgroup
	default:
		p.add("cgroup", "%q: want host or private", s.Cgroup)
	}
	switch s.UserNSMode {
	case "", "host", "auto", "keep-id":
		run.Namespaces.User = s.UserNSMode
	default:
		p.add("userns_mode", "%q: known are host, auto and keep-id", s.UserNSMode)
	}
	switch s.Uts {
	case "", "host":
		run.Namespaces.UTS = s.Uts
	default:
		p.add("uts", "%q: want host", s.Uts)
	}
	if s.Runtime != "" && s.Runtime != "runc" {
		p.add("runtime", "%q: the backend runs the containers; choose it with --backend", s.Runtime)
	}
	if s.Isolation != "" && s.Isolation != "default" {
		p.add("isolation", "%q: is for Windows; see x-vz.isolation", s.Isolation)
	}
}

// securityOption applies one entry, in docker's form with = or : between.
func (t *translator) securityOption(p problems, sec *vzcontract.SecurityConfig, option string) {
	at := strings.IndexAny(option, "=:")
	key, value, has := option, "", at >= 0
	if has {
		key, value = option[:at], option[at+1:]
	}
	switch key {
	case "no-new-privileges":
		on, err := strconv.ParseBool(value)
		if has && err != nil {
			p.add("security_opt", "%s: want true or false", option)
		}
		sec.NoNewPrivileges = on || !has
	case "seccomp":
		t.seccomp(p, sec, value)
	case "apparmor":
		sec.AppArmor = value
	case "label":
		sec.SELinux = append(sec.SELinux, value)
	case "systempaths":
		if value != "unconfined" {
			p.add("security_opt", "%s: want systempaths=unconfined", option)
		}
		sec.UnmaskPaths = append(sec.UnmaskPaths, "ALL")
	case "unmask":
		sec.UnmaskPaths = append(sec.UnmaskPaths, strings.Split(value, ":")...)
	default:
		p.add("security_opt", "%s: known are no-new-privileges, seccomp, apparmor, label, systempaths and unmask", option)
	}
}

func (t *translator) seccomp(p problems, sec *vzcontract.SecurityConfig, value string) {
	switch value {
	case "unconfined":
		sec.Seccomp = value
		return
	case "builtin", "default":
		return
	}
	if !filepath.IsAbs(value) {
		value = filepath.Join(t.WorkingDir, value)
	}
	profile, err := readFile(p.at+": security_opt seccomp", value)
	switch {
	case err != nil:
		t.fail(p.at+".security_opt", err)
	case !json.Valid(profile):
		p.add("security_opt", "seccomp: %s is not JSON", value)
	default:
		sec.Seccomp = string(profile)
	}
}
