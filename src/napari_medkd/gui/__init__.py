"""The viewer's side: four docks, reader, writer and sample. Knows napari and Qt; never torch, a method or the engine."""
