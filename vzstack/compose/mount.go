package compose

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/go-units"

	"vz.internal/vzcontract"
	"vz.internal/vzstack/plan"
)

// mounts are volumes:, tmpfs: and volumes_from:.
func (t *translator) mounts(p problems, s types.ServiceConfig, out *plan.Service) {
	run := &out.Run
	for _, v := range s.Volumes {
		run.Mounts = append(run.Mounts, t.mount(p.below("volumes"), v))
	}
	for _, entry := range s.Tmpfs {
		run.Mounts = append(run.Mounts, t.tmpfs(p, entry))
	}
	if s.VolumeDriver != "" && s.VolumeDriver != "local" {
		p.add("volume_driver", "the only driver is local")
	}
	for _, entry := range s.VolumesFrom {
		t.volumesFrom(p, entry, out)
	}
}

func (t *translator) mount(p problems, v types.ServiceVolumeConfig) vzcontract.Mount {
	m := vzcontract.Mount{Type: vzcontract.MountType(v.Type), Source: v.Source, Target: v.Target, ReadOnly: v.ReadOnly}
	switch v.Type {
	case types.VolumeTypeBind:
		if !filepath.IsAbs(m.Source) {
			m.Source = filepath.Join(t.WorkingDir, m.Source)
		}
		m.CreateSource = true
		if b := v.Bind; b != nil {
			m.CreateSource, m.Propagation, m.Relabel = bool(b.CreateHostPath), b.Propagation, b.SELinux
			switch b.Recursive {
			case "", "enabled":
			case "disabled":
				m.NonRecursive = true
			default:
				p.add("", "%s: bind.recursive: %s: known are enabled and disabled", v.Target, b.Recursive)
			}
		}
	case types.VolumeTypeVolume:
		if named, ok := t.Volumes[v.Source]; ok {
			m.Source = named.Name
		}
		if o := v.Volume; o != nil {
			m.NoCopy, m.Subpath, m.VolumeLabels = o.NoCopy, o.Subpath, o.Labels
		}
	case types.VolumeTypeTmpfs:
		if o := v.Tmpfs; o != nil {
			m.TmpfsSize, m.TmpfsMode = int64(o.Size), o.Mode
		}
	case types.VolumeTypeImage:
		if v.Image != nil {
			m.Subpath = v.Image.SubPath
		}
	default:
		p.add("", "%s: type %s: known are bind, volume, tmpfs and image", v.Target, v.Type)
	}
	return m
}

// tmpfs reads one entry of tmpfs: TARGET[:OPTIONS].
func (t *translator) tmpfs(p problems, entry string) vzcontract.Mount {
	target, options, _ := strings.Cut(entry, ":")
	m := vzcontract.Mount{Type: vzcontract.MountTmpfs, Target: target}
	for option := range strings.SplitSeq(options, ",") {
		key, value, _ := strings.Cut(option, "=")
		var err error
		switch key {
		case "":
		case "ro":
			m.ReadOnly = true
		case "rw":
		case "size":
			m.TmpfsSize, err = units.RAMInBytes(value)
		case "mode":
			var mode uint64
			mode, err = strconv.ParseUint(value, 8, 32)
			m.TmpfsMode = uint32(mode)
		default:
			m.TmpfsOptions = append(m.TmpfsOptions, option)
		}
		if err != nil {
			p.add("tmpfs", "%s: %q is no number", entry, value)
		}
	}
	return m
}

// volumesFrom reads [container:]NAME[:ro|rw].
func (t *translator) volumesFrom(p problems, entry string, out *plan.Service) {
	name, isContainer := strings.CutPrefix(entry, types.ContainerPrefix)
	name, mode, hasMode := strings.Cut(name, ":")
	if hasMode && mode != "ro" && mode != "rw" {
		p.add("volumes_from", "%s: want ro or rw after the name", entry)
		return
	}
	if !isContainer {
		other, ok := t.first(name)
		if !ok {
			p.add("volumes_from", "%s: the project has no active service %s", entry, name)
			return
		}
		if !slices.Contains(out.SharesWith, name) {
			out.SharesWith = append(out.SharesWith, name)
		}
		name = other
	}
	if hasMode {
		name += ":" + mode
	}
	out.Run.VolumesFrom = append(out.Run.VolumesFrom, name)
}
