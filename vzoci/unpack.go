package vzoci

import (
	"context"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/internal/pull"
	"vz.internal/vzoci/internal/store"
)

func unpacker(*store.Store) pull.Unpacker {
	return func(context.Context, string, io.Reader, []v1.Hash) (int64, error) {
		return 0, vzcontract.ErrUnsupported
	}
}
