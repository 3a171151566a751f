package spec

import (
	"maps"
	"reflect"
)

// Merge lays what the flags say over what the file says, field by field: a list
// from the flags replaces the file's, a label replaces the one of its name.
// Neither argument is changed.
func Merge(file, flags Spec) Spec {
	out := file
	out.Labels = maps.Clone(file.Labels)
	overlay(reflect.ValueOf(&out).Elem(), reflect.ValueOf(flags))
	return out
}

func overlay(dst, src reflect.Value) {
	for i := range src.NumField() {
		switch f := src.Field(i); {
		case f.Kind() == reflect.Struct:
			overlay(dst.Field(i), f)
		case f.Kind() == reflect.Map && !dst.Field(i).IsNil():
			for _, k := range f.MapKeys() {
				dst.Field(i).SetMapIndex(k, f.MapIndex(k))
			}
		case !f.IsZero():
			dst.Field(i).Set(f)
		}
	}
}
