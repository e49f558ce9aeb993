package main

import (
	"archive/tar"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"time"
)

// archiveSize is how many bytes of files the image has that is pulled where
// the caller gives none.
const archiveSize = 128 << 20

// writeArchive writes a layer of files of many sizes, half of whose bytes can
// be compressed.
func writeArchive(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := tar.NewWriter(f)
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same files each time
	for written, i := 0, 0; written < archiveSize && err == nil; i++ {
		data := make([]byte, 1<<(8+random.IntN(13))) // 256 bytes to 1 MiB
		for at := range data {
			data[at] = byte('a' + at%16)
			if at%64 < 32 {
				data[at] = byte(random.Uint32())
			}
		}
		written += len(data)
		err = w.WriteHeader(&tar.Header{
			Name: fmt.Sprintf("data/%03d/%d", i%100, i), Mode: 0o644, Size: int64(len(data)), Typeflag: tar.TypeReg, ModTime: time.Unix(1e9, 0),
		})
		if err == nil {
			_, err = w.Write(data)
		}
	}
	return errors.Join(err, w.Close(), f.Close())
}
