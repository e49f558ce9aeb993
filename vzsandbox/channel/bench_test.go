package channel

import (
	"context"
	"net/rpc"
	"net/rpc/jsonrpc"
	"strings"
	"testing"
)

// EchoRequest is what both are asked.
type EchoRequest struct {
	Path string
	Line int
	Text string
}

// EchoResponse is what both answer.
type EchoResponse struct {
	OK   bool
	Text string
}

// Echo is the peer's service.
type Echo struct{}

// Do answers with the text of the request.
func (Echo) Do(in EchoRequest, out *EchoResponse) error {
	*out = EchoResponse{OK: true, Text: in.Text}
	return nil
}

// BenchmarkCall makes calls over a unix socket, beside the standard library's RPC with
// its JSON codec: one caller, and many at once.
func BenchmarkCall(b *testing.B) {
	for _, size := range []struct {
		name  string
		bytes int
	}{{"64B", 64}, {"64KiB", 64 << 10}} {
		in := EchoRequest{Path: "/workspace/main.go", Line: 42, Text: strings.Repeat("x", size.bytes)}
		peers := map[string]func(*testing.B) func() error{
			"channel": func(b *testing.B) func() error {
				c, _ := start(b, func(_ context.Context, in EchoRequest) (out EchoResponse, err error) {
					err = Echo{}.Do(in, &out)
					return out, err
				})
				return func() error {
					_, err := c.Call(b.Context(), in)
					return err
				}
			},
			"jsonrpc": func(b *testing.B) func() error {
				server := rpc.NewServer()
				if err := server.Register(Echo{}); err != nil {
					b.Fatal(err)
				}
				near, far := pair(b)
				go server.ServeCodec(jsonrpc.NewServerCodec(far))
				c := jsonrpc.NewClient(near)
				b.Cleanup(func() { _ = c.Close() })
				return func() error { return c.Call("Echo.Do", in, new(EchoResponse)) }
			},
		}
		for _, peer := range []string{"channel", "jsonrpc"} {
			b.Run(peer+"/"+size.name+"/one", func(b *testing.B) {
				call := peers[peer](b)
				b.ReportAllocs()
				for b.Loop() {
					if err := call(); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
			})
			b.Run(peer+"/"+size.name+"/many", func(b *testing.B) {
				call := peers[peer](b)
				b.SetParallelism(16)
				b.ReportAllocs()
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if err := call(); err != nil {
							b.Error(err)
							return
						}
					}
				})
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
			})
		}
	}
}
