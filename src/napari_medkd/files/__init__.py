"""Reading and writing images, masks, boxes, datasets and predictions. Knows neither torch nor Qt."""
