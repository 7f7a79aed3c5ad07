package supervisor

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/internal/family"
)

// Every setting of a connection is a field of Config with the same name and type, and
// gets there: a setting that is added below has to be added here.
func TestConfigHasAllSettings(t *testing.T) {
	var leaves func(v reflect.Value, visit func(name string, v reflect.Value))
	leaves = func(v reflect.Value, visit func(string, reflect.Value)) {
		for field, value := range v.Fields() {
			if value.Kind() == reflect.Struct {
				leaves(value, visit)
			} else {
				visit(field.Name, value)
			}
		}
	}
	var settings family.Settings
	leaves(reflect.ValueOf(&settings).Elem(), func(name string, setting reflect.Value) {
		var cfg Config
		field := reflect.ValueOf(&cfg).Elem().FieldByName(name)
		require.True(t, field.IsValid(), "Config has no field %s", name)
		require.Equal(t, setting.Type(), field.Type(), name)
		if field.Kind() == reflect.Bool {
			field.SetBool(true)
		} else {
			field.SetInt(77)
		}
		arrived := cfg.settings()
		leaves(reflect.ValueOf(&arrived).Elem(), func(other string, got reflect.Value) {
			require.Equal(t, name == other, !got.IsZero(), "Config.%s, setting %s: %v", name, other, got)
		})
	})
}

func TestConfigURL(t *testing.T) {
	for _, test := range []struct {
		name string
		cfg  Config
		want string
	}{
		{"URL", Config{URL: "ws://a.test/"}, "ws://a.test/"},
		{"URL of the request", Config{Request: handshake.Request{URL: "ws://b.test/"}}, "ws://b.test/"},
		{"both", Config{URL: "ws://a.test/", Request: handshake.Request{URL: "ws://b.test/"}}, "ws://a.test/"},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, test.cfg.withDefaults().Request.URL)
		})
	}
}
