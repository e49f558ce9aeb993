package vzoci

import (
	"context"

	"vz.internal/vzoci/internal/store"
	"vz.internal/vzoci/reference"
)

var builtinRef = reference.Reference{Registry: reference.DefaultRegistry, Repository: "library/vz", Tag: "builtin"}

func (s *Store) localBuiltin() (found, bool, error) { return found{}, false, nil }

func (s *Store) makeBuiltin(context.Context, *store.Session) (found, error) { return found{}, nil }
