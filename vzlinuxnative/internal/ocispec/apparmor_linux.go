package ocispec

import (
	"bufio"
	"os"
	"strings"
)

// defaultProfile is loaded by whoever installs vz (vz doctor says how); a host
// with docker has one that means the same.
var defaultProfiles = []string{"vz-default", "docker-default"}

// appArmorHost is what the host knows of AppArmor.
type appArmorHost struct {
	enabled func() bool
	loaded  func() ([]string, error)
}

var thisAppArmor = appArmorHost{
	enabled: func() bool {
		b, err := os.ReadFile("/sys/module/apparmor/parameters/enabled")
		return err == nil && strings.HasPrefix(string(b), "Y")
	},
	loaded: func() ([]string, error) {
		f, err := os.Open("/sys/kernel/security/apparmor/profiles")
		if err != nil {
			return nil, err
		}
		defer f.Close()
		var names []string
		in := bufio.NewScanner(f)
		for in.Scan() { // name (mode)
			if i := strings.LastIndex(in.Text(), " ("); i > 0 {
				names = append(names, in.Text()[:i])
			}
		}
		return names, in.Err()
	},
}

// appArmor returns the profile of the workload, "" for none.
func (b *builder) appArmor() (string, error) {
	want := b.cfg.Security.AppArmor
	a := b.host.appArmor
	if b.host.userns {
		if want != "" && want != "unconfined" {
			return "", unsupported("profile %s: containers of an ordinary user get none", want)
		}
		return "", nil
	}
	switch {
	case want == "unconfined", want == "" && b.privileged():
		if a.enabled() {
			return "unconfined", nil
		}
		return "", nil
	case !a.enabled() && want == "":
		return "", nil
	case !a.enabled():
		return "", unsupported("profile %s: this host has no AppArmor", want)
	}
	loaded, err := a.loaded()
	if want == "" {
		// A host without any profile for containers runs them without.
		for _, p := range defaultProfiles {
			for _, l := range loaded {
				if err == nil && l == p {
					return p, nil
				}
			}
		}
		return "", nil
	}
	if err != nil {
		return "", err
	}
	for _, l := range loaded {
		if l == want {
			return want, nil
		}
	}
	return "", invalid("profile %s is not loaded: load it with apparmor_parser", want)
}
