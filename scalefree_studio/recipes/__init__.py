"""Recipes at work: the whole route from pictures to tokens and back, in one folder.

recipe.toml, recipe.json            the recipe, and what is done of it
vqvae/, codebook/, stage-1/ …       runs, which open as all others do
shards/                             the data set as tokens
model.safetensors                   the whole: what draws, with what makes its tokens a picture
pictures.png, stages.png            what it has drawn
earlier/                            runs of other settings
"""
