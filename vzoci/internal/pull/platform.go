package pull

import (
	"runtime"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"vz.internal/vzcontract"
)

// A Platform is what an image is made for.
type Platform struct{ OS, Arch, Variant string }

// String returns os/arch[/variant].
func (p Platform) String() string {
	s := p.OS + "/" + p.Arch
	if p.Variant != "" {
		s += "/" + p.Variant
	}
	return s
}

// HostPlatform is what containers on this machine run: Linux, also where they
// run in a guest.
func HostPlatform() Platform { return normalise(Platform{OS: "linux", Arch: runtime.GOARCH}) }

// architectures are those that images are made for, by Go's names.
var architectures = []string{"386", "amd64", "arm", "arm64", "loong64", "mips64le", "ppc64le", "riscv64", "s390x", "wasm"}

// ParsePlatform reads os/arch[/variant], or linux or an architecture alone; "" is the
// host's.
func ParsePlatform(s string) (Platform, error) {
	if s == "" {
		return HostPlatform(), nil
	}
	parts := strings.Split(strings.ToLower(s), "/")
	if len(parts) > 3 || slices.Contains(parts, "") {
		return Platform{}, vzcontract.Errorf(vzcontract.ErrValidation, "platform %q: must have the form os/arch or os/arch/variant, as in linux/arm64", s)
	}
	p := Platform{OS: "linux", Arch: parts[0]}
	switch {
	case len(parts) > 1:
		p.OS, p.Arch = parts[0], parts[1]
	case parts[0] == "linux":
		p.Arch = runtime.GOARCH
	case !slices.Contains(architectures, normalise(p).Arch):
		return Platform{}, vzcontract.Errorf(vzcontract.ErrValidation, "platform %q: the architecture is unknown; known are %s", s, strings.Join(architectures, ", "))
	}
	if len(parts) > 2 {
		p.Variant = parts[2]
	}
	return normalise(p), nil
}

// normalise gives each architecture its one name and variant.
func normalise(p Platform) Platform {
	switch p.OS {
	case "macos":
		p.OS = "darwin"
	}
	switch p.Arch {
	case "x86_64", "x86-64":
		p.Arch = "amd64"
	case "i386", "i686", "x86":
		p.Arch = "386"
	case "aarch64":
		p.Arch = "arm64"
	case "armhf":
		p.Arch, p.Variant = "arm", "v7"
	case "armel":
		p.Arch, p.Variant = "arm", "v6"
	}
	switch {
	case p.Arch == "arm64" && (p.Variant == "8" || p.Variant == "v8"), p.Arch == "amd64" && p.Variant == "v1":
		p.Variant = ""
	case p.Arch == "arm" && p.Variant == "":
		p.Variant = "v7"
	case p.Arch == "arm" && len(p.Variant) == 1:
		p.Variant = "v" + p.Variant
	}
	return p
}

// runnable lists what a machine of platform p can run, the best first.
func (p Platform) runnable() []Platform {
	list := []Platform{p}
	add := func(arch string, variants ...string) {
		for _, v := range variants {
			list = append(list, Platform{p.OS, arch, v})
		}
	}
	switch p.Arch {
	case "amd64":
		for _, v := range []string{"v4", "v3", "v2"} {
			if v < p.Variant {
				add("amd64", v)
			}
		}
		add("amd64", "")
		add("386", "")
	case "arm64":
		add("arm64", "")
		add("arm", "v8", "v7", "v6", "v5")
	case "arm":
		for _, v := range []string{"v7", "v6", "v5"} {
			if v < p.Variant {
				add("arm", v)
			}
		}
	}
	return list
}

// rank returns how well an image for have suits p: 0 is best, -1 not at all.
func (p Platform) rank(have Platform) int {
	return slices.Index(p.runnable(), normalise(have))
}

func platformOf(p *v1.Platform) (Platform, bool) {
	if p == nil || p.OS == "" || p.Architecture == "" {
		return Platform{}, false
	}
	return Platform{OS: p.OS, Arch: p.Architecture, Variant: p.Variant}, true
}
