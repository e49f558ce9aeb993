package compose

import (
	"cmp"
	"errors"
	"path"
	"path/filepath"
	"strconv"

	"github.com/compose-spec/compose-go/v2/types"

	"vz.internal/vzcontract"
	"vz.internal/vzstack/plan"
)

// defaultFileMode is what a container sees of a secret or config.
const defaultFileMode = 0o444

// fileMounts are secrets: and configs:.
func (t *translator) fileMounts(p problems, s types.ServiceConfig, out *plan.Service) {
	for _, ref := range s.Secrets {
		t.fileMount(p.below("secrets"), types.FileReferenceConfig(ref), "secret", out)
	}
	for _, ref := range s.Configs {
		t.fileMount(p.below("configs"), types.FileReferenceConfig(ref), "config", out)
	}
}

func (t *translator) fileMount(p problems, ref types.FileReferenceConfig, kind string, out *plan.Service) {
	object, declared := types.FileObjectConfig(t.Secrets[ref.Source]), true
	target := cmp.Or(ref.Target, ref.Source)
	if kind == "secret" {
		_, declared = t.Secrets[ref.Source]
		if !path.IsAbs(target) {
			target = path.Join("/run/secrets", target)
		}
	} else {
		var config types.ConfigObjConfig
		config, declared = t.Configs[ref.Source]
		object = types.FileObjectConfig(config)
		if !path.IsAbs(target) {
			target = path.Join("/", target)
		}
	}
	if !declared {
		t.fail(p.at, vzcontract.Errorf(vzcontract.ErrNotFound, "%s: no %s named %s is declared", p.at, kind, ref.Source))
		return
	}
	m := vzcontract.Mount{Type: vzcontract.MountBind, Target: target, ReadOnly: true}
	if object.File != "" && ref.UID == "" && ref.GID == "" && ref.Mode == nil {
		// As it is on the host, so that changes of it are seen.
		if m.Source = object.File; !filepath.IsAbs(m.Source) {
			m.Source = filepath.Join(t.WorkingDir, m.Source)
		}
		if err := checkFile(kind+" "+ref.Source, m.Source); err != nil {
			t.fail(kind+"s."+ref.Source, err)
		}
		out.Run.Mounts = append(out.Run.Mounts, m)
		return
	}
	file := plan.File{Mode: defaultFileMode}
	var err error
	if file.Content, err = t.content(kind, ref.Source, object); err != nil {
		t.fail(kind+"s."+ref.Source, err)
		return
	}
	if ref.Mode != nil {
		file.Mode = uint32(*ref.Mode)
	}
	file.UID, file.GID = owner(p, "uid", ref.UID), owner(p, "gid", ref.GID)
	m.Source = t.place(&file)
	out.Files = append(out.Files, file)
	out.Run.Mounts = append(out.Run.Mounts, m)
}

// place names the file after its content, owner and mode.
func (t *translator) place(f *plan.File) string {
	tag := func(id *int) string {
		if id == nil {
			return "-"
		}
		return strconv.Itoa(*id)
	}
	name := t.host.FileName(f.Content) + "." + tag(f.UID) + "." + tag(f.GID) + "." + strconv.FormatUint(uint64(f.Mode), 8)
	f.Path = filepath.Join(t.host.FilesDir, name)
	return f.Path
}

func owner(p problems, key, s string) *int {
	if s == "" {
		return nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		p.add("", "%s %q: want a number; names are not known before the image is unpacked", key, s)
		return nil
	}
	return &n
}

// content finds what a secret or config holds.
func (t *translator) content(kind, name string, o types.FileObjectConfig) ([]byte, error) {
	switch {
	case bool(o.External):
		real := cmp.Or(o.Name, name)
		data, err := t.host.Secret(t.ctx, real)
		if errors.Is(err, vzcontract.ErrNotFound) {
			return nil, vzcontract.Errorf(vzcontract.ErrNotFound,
				"%s %s is external and not in vz's store: make it with `vz secret create %s FILE`", kind, name, real)
		}
		return data, err
	case o.File != "":
		file := o.File
		if !filepath.IsAbs(file) {
			file = filepath.Join(t.WorkingDir, file)
		}
		return readFile(kind+" "+name, file)
	case o.Environment != "" && o.Content != "":
		return []byte(o.Content), nil // as the parser found it in the environment of the file, which may be an included one
	case o.Environment != "":
		value, ok := t.Environment[o.Environment]
		if !ok {
			return nil, vzcontract.Errorf(vzcontract.ErrNotFound, "%s %s: the variable %s is not set", kind, name, o.Environment)
		}
		return []byte(value), nil
	}
	return []byte(o.Content), nil
}
