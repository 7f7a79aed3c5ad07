package dandelion

// This file holds that every option has an effect.

import (
	"context"
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor"
)

type anyHandshaker struct{ Handshaker }
type anyObserver struct{ Observer }

// sample returns a value of type typ that is not zero and has n in it where that is possible.
func sample(t *testing.T, typ reflect.Type, n int) reflect.Value {
	t.Helper()
	v := reflect.New(typ).Elem()
	switch typ.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(n))
	case reflect.Uint8:
		v.SetUint(uint64(n))
	case reflect.String:
		v.SetString("value")
	case reflect.Func:
		v.Set(reflect.MakeFunc(typ, func([]reflect.Value) []reflect.Value { panic("not called") }))
	case reflect.Pointer:
		v.Set(reflect.New(typ.Elem()))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(typ, n, n))
	case reflect.Map:
		v.Set(reflect.MakeMap(typ))
		v.SetMapIndex(sample(t, typ.Key(), n), sample(t, typ.Elem(), n))
	case reflect.Struct:
		for i := range typ.NumField() {
			v.Field(i).Set(sample(t, typ.Field(i).Type, n))
		}
	case reflect.Interface:
		switch typ {
		case reflect.TypeFor[Handshaker]():
			v.Set(reflect.ValueOf(anyHandshaker{}))
		case reflect.TypeFor[Observer]():
			v.Set(reflect.ValueOf(anyObserver{}))
		}
	}
	if v.IsZero() {
		t.Fatalf("the test has no value for a field of type %v", typ)
	}
	return v
}

// ofClient are the options that are not for the supervisor, and what they do.
var ofClient = map[string]func(c *Client) any{
	"Handler": func(c *Client) any { return &c.handler },
	"System":  func(c *Client) any { return c.system },
}

// Each option reaches the supervisor under its own name or in the handshake, or the client.
func TestEveryOptionHasAnEffect(t *testing.T) {
	typ := reflect.TypeFor[Options]()
	for i := range typ.NumField() {
		f := typ.Field(i)
		t.Run(f.Name, func(t *testing.T) {
			require.False(t, f.Anonymous, "it is embedded: a literal of Options needs its type")
			value := sample(t, f.Type, 1+i)
			opts := &Options{HTTPClient: http.DefaultClient}
			if f.Name == "Handler" {
				value.Set(reflect.ValueOf(&Handler{OnBorrowed: func(*Client, Kind, []byte) {}}))
			}
			reflect.ValueOf(opts).Elem().Field(i).Set(value)
			switch f.Name {
			case "TLSConfig", "DialContext", "DisableNoDelay", "Proxy", "Gate":
				_, _, err := newClient("ws://server.test/", opts)
				require.ErrorIs(t, err, errHandshakeOptions)
				opts.HTTPClient = nil
			}
			c, cfg, err := newClient("ws://server.test/", opts)
			require.NoError(t, err)
			if of, ok := ofClient[f.Name]; ok {
				got := reflect.ValueOf(of(c))
				if f.Name == "Handler" {
					require.NotNil(t, c.handler.OnBorrowed)
					require.True(t, c.view.Borrowed)
					return
				}
				require.True(t, got.Equal(value), "got %v, want %v", got, value)
				return
			}
			if f.Name == "Subscribe" { // wrapped
				require.NotNil(t, cfg.Subscribe)
				return
			}
			got := where(t, cfg, f.Name)
			if f.Type.Kind() == reflect.Func {
				require.Equal(t, value.Pointer(), got.Pointer())
				return
			}
			requireSame(t, value, got)
		})
	}
}

// where finds what became of an option in the Config.
func where(t *testing.T, cfg supervisor.Config, name string) reflect.Value {
	t.Helper()
	places := []any{cfg, cfg.Request}
	if client, ok := cfg.Handshaker.(*handshake.Client); ok {
		switch a := client.Adapter.(type) {
		case *handshake.NetAdapter:
			places = append([]any{*a}, places...)
		case *handshake.RoundTripAdapter:
			if name == "HTTPClient" {
				return reflect.ValueOf(a.Client)
			}
		}
	}
	for _, place := range places {
		if f := reflect.ValueOf(place).FieldByName(name); f.IsValid() {
			return f
		}
	}
	t.Fatalf("option %s is nowhere", name)
	return reflect.Value{}
}

// requireSame compares two values field by field; functions are the same if both are there.
func requireSame(t *testing.T, want, got reflect.Value) {
	t.Helper()
	switch want.Kind() {
	case reflect.Struct:
		for i := range want.NumField() {
			requireSame(t, want.Field(i), got.Field(i))
		}
	case reflect.Func:
		require.False(t, got.IsNil())
	default:
		require.Equal(t, want.Interface(), got.Interface())
	}
}

// Each field of supervisor.Config can be set with Options.
func TestEverySettingIsAnOption(t *testing.T) {
	opts := &Options{}
	v := reflect.ValueOf(opts).Elem()
	for i := range v.NumField() {
		switch v.Type().Field(i).Name {
		case "TLSConfig", "DialContext", "DisableNoDelay", "Proxy", "Gate", "HTTPClient":
			// They are in the Handshaker, or exclude each other.
		default:
			v.Field(i).Set(sample(t, v.Field(i).Type(), 1+i))
		}
	}
	cfg, err := opts.config("ws://server.test/")
	require.NoError(t, err)
	got := reflect.ValueOf(cfg)
	for i := range got.NumField() {
		switch f := got.Type().Field(i); f.Name {
		case "Lifetime", "Target": // Supervise sets the former; the latter is for actors
		default:
			require.False(t, got.Field(i).IsZero(), "supervisor.Config.%s is not set by any option", f.Name)
		}
	}
}

func TestSubscribe(t *testing.T) {
	first := []Message{Text("subscribe"), Binary([]byte{1}).With(Delivery{ID: "id", TTL: time.Second, Resend: true})}
	opened := &Opened{Epoch: 7}
	opts := &Options{Subscribe: func(ctx context.Context, e *Opened) ([]Message, error) {
		require.Same(t, opened, e)
		return first, ctx.Err()
	}}
	out, err := opts.subscribe()(t.Context(), opened)
	require.NoError(t, err)
	require.Equal(t, []messages.Outgoing{
		{Kind: KindText, Data: []byte("subscribe")},
		{Kind: KindBinary, Data: []byte{1}, Delivery: Delivery{ID: "id", TTL: time.Second, Resend: true}},
	}, out)

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = opts.subscribe()(ended, opened)
	require.ErrorIs(t, err, context.Canceled)

	first = []Message{Text("a part").Part(true, false)}
	_, err = opts.subscribe()(t.Context(), opened)
	require.ErrorIs(t, err, ErrPartialMessage)
}
