package main

import (
	"fmt"
	"reflect"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/informers"
	appsinformers "k8s.io/client-go/informers/apps"
	"k8s.io/client-go/informers/core"
	"k8s.io/client-go/informers/internalinterfaces"
	"k8s.io/client-go/informers/policy"
	"k8s.io/client-go/informers/resource"
	"k8s.io/client-go/informers/scheduling"
	"k8s.io/client-go/informers/storage"
	"k8s.io/client-go/tools/cache"
)

// heldObjects is an informer factory whose informers hold the objects of a case from the beginning: what informers over a
// client hold once they have synced, without the client, its watches, and a goroutine for each of them.
type heldObjects struct {
	// Groups that no plugin asks for are those of the embedded interface, which is nil.
	informers.SharedInformerFactory
	byType map[reflect.Type]*heldInformer
}

// holdObjects sorts objects by their type.
func holdObjects(objects []runtime.Object) (*heldObjects, error) {
	held := &heldObjects{byType: make(map[reflect.Type]*heldInformer, 16)}
	for _, one := range objects {
		metadata, err := meta.Accessor(one)
		if err != nil {
			return nil, err
		}
		informer := held.informer(one)
		key := cache.MetaObjectToName(metadata).String()
		if _, exists, err := informer.indexer.GetByKey(key); err != nil || exists {
			return nil, fmt.Errorf("%T %s occurs twice (%v)", one, key, err)
		}
		if err := informer.indexer.Add(one); err != nil {
			return nil, err
		}
	}
	return held, nil
}

func (h *heldObjects) informer(of runtime.Object) *heldInformer {
	kind := reflect.TypeOf(of)
	informer, known := h.byType[kind]
	if !known {
		indexers := cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc}
		informer = &heldInformer{indexer: cache.NewIndexer(cache.MetaNamespaceKeyFunc, indexers)}
		h.byType[kind] = informer
	}
	return informer
}

func (h *heldObjects) InformerFor(of runtime.Object, _ internalinterfaces.NewInformerFunc) cache.SharedIndexInformer {
	return h.informer(of)
}

func (h *heldObjects) InformerName() *cache.InformerName { return nil }

func (h *heldObjects) Core() core.Interface             { return core.New(h, "", nil) }
func (h *heldObjects) Apps() appsinformers.Interface    { return appsinformers.New(h, "", nil) }
func (h *heldObjects) Policy() policy.Interface         { return policy.New(h, "", nil) }
func (h *heldObjects) Resource() resource.Interface     { return resource.New(h, "", nil) }
func (h *heldObjects) Scheduling() scheduling.Interface { return scheduling.New(h, "", nil) }
func (h *heldObjects) Storage() storage.Interface       { return storage.New(h, "", nil) }

// heldInformer has synced before anybody asks, and goes on holding the same objects.
type heldInformer struct {
	// What a running informer does beyond that is not asked for: the embedded interface is nil.
	cache.SharedIndexInformer
	indexer cache.Indexer
}

func (h *heldInformer) GetIndexer() cache.Indexer { return h.indexer }
func (h *heldInformer) GetStore() cache.Store     { return h.indexer }
func (h *heldInformer) AddIndexers(indexers cache.Indexers) error {
	return h.indexer.AddIndexers(indexers)
}
func (h *heldInformer) HasSynced() bool                     { return true }
func (h *heldInformer) HasSyncedChecker() cache.DoneChecker { return synced{} }

// AddEventHandler tells handler of every object before it returns.
func (h *heldInformer) AddEventHandler(handler cache.ResourceEventHandler) (cache.ResourceEventHandlerRegistration, error) {
	for _, one := range h.indexer.List() {
		handler.OnAdd(one, true)
	}
	return synced{}, nil
}

// synced says that everything has been told.
type synced struct{}

var done = func() chan struct{} {
	closed := make(chan struct{})
	close(closed)
	return closed
}()

func (synced) HasSynced() bool                     { return true }
func (synced) HasSyncedChecker() cache.DoneChecker { return synced{} }
func (synced) Name() string                        { return "held objects" }
func (synced) Done() <-chan struct{}               { return done }
