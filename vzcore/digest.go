package vzcore

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"
)

// digests are those of files that were read, so that a machine that is compared with a
// saved one and then started from it is read once.
var digests struct {
	mu   sync.Mutex
	last map[string]digested // guarded by mu, by path
}

type digested struct {
	info fs.FileInfo
	sum  string
}

// settled is how old a file must be for its times to tell whether it has changed.
const settled = 2 * time.Second

// digest returns the SHA-256 of a file in hexadecimal, of no file nothing. One that is
// known is taken as it is.
func digest(path, known string) (string, error) {
	if path == "" || known != "" {
		return known, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	digests.mu.Lock()
	before, read := digests.last[path]
	digests.mu.Unlock()
	if read && os.SameFile(before.info, info) && before.info.Size() == info.Size() && before.info.ModTime().Equal(info.ModTime()) {
		return before.sum, nil
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	sum := hex.EncodeToString(h.Sum(nil))
	if time.Since(info.ModTime()) > settled {
		digests.mu.Lock()
		defer digests.mu.Unlock()
		if digests.last == nil {
			digests.last = map[string]digested{}
		}
		digests.last[path] = digested{info, sum}
	}
	return sum, nil
}
