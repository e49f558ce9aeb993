package vzoci

import (
	"context"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/internal/pull"
	"vz.internal/vzoci/internal/store"
	"vz.internal/vzoci/reference"
)

// Builtin is the name of the image that is made on the spot, without a network.
const Builtin = "vz:builtin"

var builtinRef = reference.Reference{Registry: reference.DefaultRegistry, Repository: "library/vz", Tag: "builtin"}

// localBuiltin finds the image as it was made of the program that is there now.
// Where the program is gone the image still serves.
func (s *Store) localBuiltin() (found, bool, error) {
	f, err := s.findRef(builtinRef)
	have := err == nil && s.complete(f)
	if err != nil && !notExist(err) {
		return f, false, err
	}
	_, source, boxErr := s.box()
	if boxErr != nil && !have {
		return f, false, boxErr
	}
	return f, have && (boxErr != nil || f.ref.Source == source), nil
}

// box returns the program and what tells it from a later one of the same name.
func (s *Store) box() (path, source string, err error) {
	if s.config.builtin == nil || s.config.makeBuiltin == nil {
		return "", "", vzcontract.Errorf(vzcontract.ErrUnsupported, "this program does not make the image %s", Builtin)
	}
	if path, err = s.config.builtin(); err != nil {
		return "", "", err
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", "", err
	}
	source = fmt.Sprintf("%s size %d modified %d", path, info.Size(), info.ModTime().UnixNano())
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		source += fmt.Sprintf(" inode %d", st.Ino)
	}
	return path, source, nil
}

// makeBuiltin makes the image.
func (s *Store) makeBuiltin(ctx context.Context, t *store.Session) (found, error) {
	path, source, err := s.box()
	if err != nil {
		return found{}, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return found{}, err
	}
	config, archive, err := s.config.makeBuiltin(path)
	if err != nil {
		return found{}, err
	}
	defer archive.Close()
	layer, err := t.AddBlob(contextReader{ctx, archive})
	if err != nil {
		return found{}, err
	}
	// The same program makes the same image, whenever that is.
	made := v1.Time{Time: info.ModTime().UTC().Truncate(time.Second)}
	host := pull.HostPlatform()
	return s.compose(ctx, t, composition{
		name: builtinRef.String(), source: source,
		config: v1.ConfigFile{OS: host.OS, Architecture: host.Arch, Variant: host.Variant, Created: made, Config: ociConfig(config)},
		step:   v1.History{Created: made, CreatedBy: "vz", Comment: "made of vz-box"},
	}, layer)
}

// A builtinMaker makes config and uncompressed layer of the program at box.
type builtinMaker func(box string) (vzcontract.ImageConfig, io.ReadCloser, error)
