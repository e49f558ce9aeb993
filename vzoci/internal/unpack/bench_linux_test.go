package unpack

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/klauspost/compress/zstd"

	"vz.internal/vzoci/internal/inflate"
)

// realistic returns an archive like a distribution's: some 4000 files in 400
// directories, most of them small, links, a few large libraries.
func realistic(b *testing.B) []byte {
	b.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	words := make([]byte, 1<<20)
	for i := range words {
		words[i] = "etaoin shrdlu\n\x00\x7f"[r.IntN(16)]
	}
	var all []entry
	for d := range 400 {
		dir := fmt.Sprintf("usr/share/package-%03d", d)
		all = append(all, folder(dir))
		for f := range 10 {
			size := int(r.ExpFloat64() * 9000)
			if d%40 == 0 && f == 0 {
				size = 5 << 20
			}
			at := r.IntN(1 << 19)
			body := bytes.Repeat(words[at:at+min(size, 1<<19)], 1+size>>19)[:size]
			all = append(all, file(fmt.Sprintf("%s/file-%d.txt", dir, f), string(body)))
		}
		all = append(all, symlink(dir+"/link", "file-0.txt"), hardlink(dir+"/hard", dir+"/file-1.txt"))
	}
	for i := range all {
		all[i].Format = tar.FormatUSTAR
		all[i].ModTime = fixed.Truncate(1e9)
	}
	return archive(b, all...)
}

// BenchmarkApply unpacks below $VZ_BENCH_DIR, which should be on tmpfs.
func BenchmarkApply(b *testing.B) {
	plain := realistic(b)
	var gz bytes.Buffer
	zw := gzip.NewWriter(&gz)
	_, _ = zw.Write(plain) // to memory
	_ = zw.Close()
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		b.Fatal(err)
	}
	zst := enc.EncodeAll(plain, nil)
	for name, open := range map[string]func() (io.Reader, error){
		"plain": func() (io.Reader, error) { return bytes.NewReader(plain), nil },
		"gzip":  func() (io.Reader, error) { return inflate.NewReader(bytes.NewReader(gz.Bytes())), nil },
		"zstd":  func() (io.Reader, error) { return zstd.NewReader(bytes.NewReader(zst)) },
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(plain)))
			for b.Loop() {
				b.StopTimer()
				dir, err := os.MkdirTemp(os.Getenv("VZ_BENCH_DIR"), "unpack-*")
				if err != nil {
					b.Fatal(err)
				}
				r, err := open()
				if err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				if _, err := Apply(b.Context(), dir, r, Options{}); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				if err := os.RemoveAll(dir); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
}
