package vzoci

import (
	"context"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/builtin"
	"vz.internal/vzoci/internal/pull"
	"vz.internal/vzoci/internal/store"
	"vz.internal/vzoci/reference"
)

// Builtin is the name of the image that is made on the spot, without a network.
const Builtin = builtin.Ref

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
	if s.config.builtin == nil {
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

// makeBuiltin makes the image. The same program makes the same one, whenever
// that is.
func (s *Store) makeBuiltin(ctx context.Context, t *store.Session) (found, error) {
	path, source, err := s.box()
	if err != nil {
		return found{}, err
	}
	made, err := s.config.makeBuiltin(path)
	if err != nil {
		return found{}, err
	}
	raw := made.Manifest()
	doc, err := pull.ParseImage(raw, types.OCIManifestSchema1)
	if err != nil {
		return found{}, err
	}
	config, err := pull.ParseConfig(made.Config(), len(doc.Layers))
	if err != nil {
		return found{}, err
	}
	for _, document := range [][]byte{made.Config(), raw} {
		if _, err := t.WriteBlob(document); err != nil {
			return found{}, err
		}
	}
	chain := pull.ChainIDs(config.RootFS.DiffIDs)
	if !t.Has(doc.Layers[0].Digest) {
		if err := addBuiltinLayer(ctx, t, made, doc.Layers[0].Digest); err != nil {
			return found{}, err
		}
	}
	if _, err := pull.Unpack(ctx, t, s.unpack, doc.Layers, config.RootFS.DiffIDs); err != nil {
		return found{}, err
	}
	manifest := v1.Descriptor{MediaType: doc.MediaType, Digest: digestOf(raw), Size: int64(len(raw))}
	img, err := s.imageOf(manifest, doc, config, chain)
	if err != nil {
		return found{}, err
	}
	ref := store.Ref{Name: builtinRef.String(), Image: img.ID(), Target: manifest, Manifest: manifest, Made: time.Now().UTC(), Source: source}
	return found{img, ref}, t.Publish(ctx, img, ref)
}

func addBuiltinLayer(ctx context.Context, t *store.Session, made builtinImage, want v1.Hash) error {
	archive, err := made.Layer()
	if err != nil {
		return err
	}
	defer archive.Close()
	layer, err := t.AddBlob(contextReader{ctx, archive})
	if err == nil && layer.Digest != want {
		err = vzcontract.Errorf(vzcontract.ErrConflict, "vz-box changed while the image was made of it; try again")
	}
	return err
}

// A builtinImage is an image of one uncompressed layer.
type builtinImage interface {
	Config() []byte
	Manifest() []byte
	Layer() (io.ReadCloser, error)
}

// A builtinMaker makes the image of the program at box.
type builtinMaker func(box string) (builtinImage, error)

func newBuiltin(box string) (builtinImage, error) { return builtin.New(box) }
