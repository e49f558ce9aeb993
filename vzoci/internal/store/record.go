package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/statefile"
)

// recordSuffix ends the names of records.
const recordSuffix = ".json"

// errDamaged marks a record that cannot be read.
var errDamaged = errors.New("damaged record")

// readRecord reads one record into v and checks it. One that does not exist is
// fs.ErrNotExist; one that is damaged names its file and the next step.
func readRecord(path string, v interface{ check(name string) error }) error {
	data, err := statefile.Read(path)
	switch {
	case errors.Is(err, statefile.ErrIrregular):
		err = statefile.ErrIrregular
	case err != nil:
		return err
	default:
		err = json.Unmarshal(data, v)
	}
	if err == nil {
		err = v.check(strings.TrimSuffix(filepath.Base(path), recordSuffix))
	}
	if err != nil {
		return vzcontract.Errorf(vzcontract.ErrInternal, "%s: %w (%v); vz doctor --repair moves it aside", path, errDamaged, err)
	}
	return nil
}

// records calls visit with the path of each record of a directory.
func (s *Store) records(dir string, visit func(path string) error) error {
	entries, err := os.ReadDir(s.path(dir))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") || !strings.HasSuffix(e.Name(), recordSuffix) {
			continue // a temporary file, or not ours: Verify tells
		}
		if err := visit(s.path(dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func marshal(v any) ([]byte, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("write a record: %w", err)
	}
	return append(data, '\n'), nil
}
