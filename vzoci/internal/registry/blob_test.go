package registry_test

import (
	"bytes"
	"errors"
	"io"
	"sync/atomic"
	"testing"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/internal/registry"
	"vz.internal/vzoci/registrytest"
)

func TestBlobFromOffset(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789"), 1000)
	blobs := registrytest.Path("GET", "/blobs/")
	tests := []struct {
		name   string
		offset int64
		etag   string
		fault  registrytest.Fault
		from   int64
	}{
		{name: "whole", from: 0},
		{name: "rest", offset: 4000, from: 4000},
		{name: "rest of the same version", offset: 4000, etag: `"v1"`, fault: registrytest.ETag(`"v1"`), from: 4000},
		{name: "another version", offset: 4000, etag: `"v1"`, fault: registrytest.ETag(`"v2"`), from: 0},
		{name: "no ranges", offset: 4000, fault: registrytest.NoRange, from: 0},
		{name: "beyond the end", offset: 99999, from: 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := registrytest.New(t)
			d := s.AddBlob("a", data)
			if tt.fault != nil {
				s.Inject(blobs, registrytest.Always, tt.fault)
			}
			stream, err := repository(newClient(t, registry.Options{}), s.Host(), "a").Blob(t.Context(), d.String(), tt.offset, tt.etag)
			if err != nil {
				t.Fatal(err)
			}
			defer stream.Close()
			got, err := io.ReadAll(stream)
			if err != nil || stream.Offset != tt.from || !bytes.Equal(got, data[tt.from:]) {
				t.Errorf("stream from %d with %d bytes, %v; want from %d with %d", stream.Offset, len(got), err, tt.from, len(data)-int(tt.from))
			}
		})
	}
}

func TestPushBlob(t *testing.T) {
	data := bytes.Repeat([]byte("abcdefgh"), 1<<17)
	d := registrytest.Digest(data)
	upload := func(mount string) registry.Upload {
		return registry.Upload{Digest: d.String(), Size: int64(len(data)), MountFrom: mount, Open: func(offset int64) (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(data[offset:])), nil
		}}
	}
	patch := registrytest.Path("PATCH", "/uploads/")
	tests := []struct {
		name    string
		prepare func(*registrytest.Server)
		mount   string
		patches int // requests with data
	}{
		{name: "plain", patches: 1},
		{name: "mounted", prepare: func(s *registrytest.Server) { s.AddBlob("other", data) }, mount: "other"},
		{name: "not mountable", mount: "other", patches: 1},
		{name: "reset halfway", prepare: func(s *registrytest.Server) { s.Inject(patch, 1, registrytest.ResetUpload(500_000)) }, patches: 2},
		{name: "unavailable", prepare: func(s *registrytest.Server) { s.Inject(patch, 2, registrytest.Status(503)) }, patches: 3},
		{name: "closing request fails", prepare: func(s *registrytest.Server) {
			s.Inject(registrytest.Path("PUT", "/uploads/"), 1, registrytest.Status(500))
		}, patches: 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := registrytest.New(t)
			if tt.prepare != nil {
				tt.prepare(s)
			}
			r := repository(newClient(t, registry.Options{}), s.Host(), "a")
			var sent atomic.Int64
			if err := r.PushBlob(t.Context(), upload(tt.mount), sent.Store); err != nil {
				t.Fatal(err)
			}
			if has, err := r.HasBlob(t.Context(), d.String()); err != nil || !has {
				t.Errorf("HasBlob = %v, %v", has, err)
			}
			if !bytes.Equal(s.Blob(d), data) {
				t.Error("the registry holds other bytes")
			}
			patches := 0
			for _, rq := range s.Requests("/uploads/") {
				if rq.Method == "PATCH" {
					patches++
				}
			}
			if patches != tt.patches || patches > 0 && sent.Load() != int64(len(data)) {
				t.Errorf("%d requests with data, want %d; progress ended at %d of %d", patches, tt.patches, sent.Load(), len(data))
			}
		})
	}
}

func TestPushNeedsRights(t *testing.T) {
	s := registrytest.New(t)
	s.RequireBearer("u", "pw", true)
	_, err := repository(newClient(t, registry.Options{}), s.Host(), "a").HasBlob(t.Context(), registrytest.Digest(nil).String())
	if !errors.Is(err, vzcontract.ErrDenied) {
		t.Errorf("anonymous push: %v, want ErrDenied", err)
	}
}
