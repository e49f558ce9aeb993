package vzoci

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"vz.internal/vzoci/internal/store"
)

// maxDocument bounds what is read whole: manifests and configs.
const maxDocument = 8 << 20

func digestOf(raw []byte) v1.Hash {
	sum := sha256.Sum256(raw)
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])}
}

// writeDocument stores v as JSON.
func writeDocument(t *store.Session, kind types.MediaType, v any) (v1.Descriptor, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return v1.Descriptor{}, fmt.Errorf("write %s: %w", kind, err)
	}
	d, err := t.WriteBlob(raw)
	return v1.Descriptor{MediaType: kind, Digest: d, Size: int64(len(raw))}, err
}
